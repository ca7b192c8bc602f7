// Command coredns is CoreDNS with the plugin for Kubernetes alone. It is a module of its own, because
// its dependencies would raise those of Kubernetes.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() { coremain.Run() }
