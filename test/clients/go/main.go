// Programs as Go developers write them, against the server of KUBECONFIG: each check is one client doing its usual
// work, unmodified. Prints a line for each and ends with 1 if one failed.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

type check struct {
	name string
	run  func(ctx context.Context, env *environment) error
}

// A check that does not end by itself is cut off, and failed.
const limit = 60 * time.Second

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	env, err := connect()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := 0
	for _, check := range append(typedChecks, controllerChecks...) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		err := check.run(ctx, env)
		cancel()
		if err == nil {
			fmt.Println("✓", check.name)
			continue
		}
		failed++
		fmt.Println("✗", check.name, "–", err)
	}
	fmt.Printf("%d passed, %d failed\n", len(typedChecks)+len(controllerChecks)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
