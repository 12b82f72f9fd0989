// etcd, embedded, on a state directory that ends with it.
package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd keeps its data below the state directory. It is the one that removes the whole directory at the end, because a parent that was killed can't.
func etcd(args []string) {
	if len(args) != 3 {
		fail(usage)
	}
	state := args[0]
	closed := stdinClosed()

	config := embed.NewConfig()
	config.Dir = filepath.Join(state, "etcd")
	config.ListenClientUrls = parse(args[1])
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = parse(args[2])
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	server, err := embed.StartEtcd(config)
	if err != nil {
		fail(err)
	}
	select {
	case err := <-server.Err():
		fail(err)
	case <-closed:
	}
	remove(state)
	os.Exit(0)
}

func parse(text string) []url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		fail(err)
	}
	return []url.URL{*parsed}
}

// remove tries for a while: the other processes end at the same moment, and may still create a file or two.
func remove(directory string) {
	for deadline := time.Now().Add(12 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		err := os.RemoveAll(directory)
		if _, statErr := os.Lstat(directory); err == nil && os.IsNotExist(statErr) {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "could not remove", directory)
}
