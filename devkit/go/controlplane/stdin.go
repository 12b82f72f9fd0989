// Standard input as a leash: says when the parent has gone, and nothing else.
package main

import (
	"io"
	"os"
)

// stdinClosed is closed when standard input ends. The kernel closes the parent's end of the pipe however the parent ends, kill -9 included.
func stdinClosed() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	return closed
}

// exitWithStdin ends this process at once when standard input closes. No grace: the state is thrown away with the process, and an API
// server that is asked to stop politely after its etcd has gone does not end for minutes.
func exitWithStdin() {
	closed := stdinClosed()
	go func() {
		<-closed
		os.Exit(0)
	}()
}
