// HTTP hello by HTTP/2 in the clear, on Go's net/http and golang.org/x/net.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func main() {
	port := flag.Int("port", 0, "port to listen on, 0 for any")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_h2c:", err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	hello := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/plain")
		io.WriteString(out, "Hello, World!")
	})
	fmt.Fprintln(os.Stderr, "go_h2c:", http.Serve(listener, h2c.NewHandler(hello, &http2.Server{})))
}
