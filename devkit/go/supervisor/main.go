// Runs one program so that it can't outlive its parent, and ends with the program's exit code.
//
// Guarantees: the first line is the program's process id; SIGTERM and SIGINT are passed on; when standard input closes, which the kernel sees to however
// the parent ends, the program is ended; when the supervisor itself is killed the kernel kills the program.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	grace := flag.Duration("grace", 10*time.Second, "how long the program may take to end after SIGTERM when standard input has closed; with 0 it is killed at once")
	remove := flag.String("remove", "", "a directory to remove after the program has ended because standard input has closed")
	flag.Parse()
	if flag.NArg() == 0 {
		fail("usage: supervisor [-grace DURATION] [-remove DIRECTORY] PROGRAM ...")
	}
	// The kernel ties a child to the thread that started it: that thread must live as long as this process.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	closed := stdinClosed()

	program := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	// Standard output has the program's id, and no more: all that the program writes goes to standard error.
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
	var leftovers string
	for {
		select {
		case err := <-ended:
			if leftovers != "" {
				removeAll(leftovers)
			}
			os.Exit(exitCode(err))
		case received := <-signals:
			_ = program.Process.Signal(received)
		case <-closed:
			closed, leftovers = nil, *remove
			if *grace > 0 {
				_ = program.Process.Signal(syscall.SIGTERM)
			}
			kill = time.After(*grace)
		case <-kill:
			_ = program.Process.Kill()
		}
	}
}

// stdinClosed is closed when standard input ends.
func stdinClosed() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	return closed
}

// exitCode is the program's own code, or 128 and the signal's number as in a shell.
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

// removeAll tries for a while: programs beside this one end at the same moment, and may still create a file or two.
func removeAll(directory string) {
	for deadline := time.Now().Add(12 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		err := os.RemoveAll(directory)
		if _, statErr := os.Lstat(directory); err == nil && os.IsNotExist(statErr) {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "could not remove", directory)
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
