// HTTP hello on Go's net/http, which sets Date and Content-Length by itself.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	port := flag.Int("port", 0, "port to listen on, 0 for any")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_http:", err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	http.HandleFunc("/", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/plain")
		io.WriteString(out, "Hello, World!")
	})
	fmt.Fprintln(os.Stderr, "go_http:", http.Serve(listener, nil))
}
