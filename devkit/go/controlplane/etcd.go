// etcd, embedded: its own command would bring its proxies and its gateway, too.
package main

import (
	"errors"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd runs with a configuration file as etcd's own command reads it, until it fails.
func etcd(args []string) error {
	if len(args) != 1 || !strings.HasPrefix(args[0], "--config-file=") {
		return errors.New("usage: etcd --config-file=FILE")
	}
	config, err := embed.ConfigFromFile(strings.TrimPrefix(args[0], "--config-file="))
	if err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	return <-server.Err()
}
