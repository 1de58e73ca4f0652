// A small Redpanda Connect: Benthos with its Redis and AMQP components and nothing else, to compare
// with. Configured by a file that the runner writes:
//
//	connect run FILE
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/amqp09"
	_ "github.com/redpanda-data/connect/v4/public/components/redis"
)

func main() {
	service.RunCLI(context.Background())
}
