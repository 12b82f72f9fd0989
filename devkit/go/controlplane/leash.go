// Runs one program so that it can't outlive whoever started it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// How long the program may take to end after SIGTERM when nobody holds the leash any more.
const grace = 10 * time.Second

// leash runs a program and ends with its exit code. Guarantees: its first line is the program's process id; SIGTERM and SIGINT are passed on; when standard input closes the program gets
// SIGTERM, and SIGKILL after the grace time; when the leash itself is killed the kernel kills the program.
func leash(args []string) int {
	// The kernel ties a child to the thread that started it: that thread must live as long as this process.
	runtime.LockOSThread()

	if len(args) == 0 {
		fail(usage)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	closed := stdinClosed()

	program := exec.Command(args[0], args[1:]...)
	// Standard output says the program's id, and no more: all that the program writes goes to standard error.
	program.Stdout, program.Stderr = os.Stderr, os.Stderr
	// A group of its own: Ctrl-C in a terminal reaches the parent, which then ends what it started in its own order.
	program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := program.Start(); err != nil {
		fail(err)
	}
	fmt.Println(program.Process.Pid)
	_ = os.Stdout.Close()
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()

	var kill <-chan time.Time
	for {
		select {
		case err := <-ended:
			return exitCode(err)
		case received := <-signals:
			_ = program.Process.Signal(received)
		case <-closed:
			closed = nil
			_ = program.Process.Signal(syscall.SIGTERM)
			kill = time.After(grace)
		case <-kill:
			_ = program.Process.Kill()
		}
	}
}

// exitCode is the program's own code, or 128 and the signal's number as a shell says it.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
