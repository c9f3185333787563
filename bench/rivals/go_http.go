// HTTP hello on Go's net/http, which sets Date and Content-Length by itself. With -tls FOLDER it speaks
// HTTP/2 too; the certificate is in the folder.
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
	folder := flag.String("tls", "", "folder of cert.pem and key.pem")
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
	if *folder == "" {
		err = http.Serve(listener, nil)
	} else {
		err = http.ServeTLS(listener, nil, *folder+"/cert.pem", *folder+"/key.pem")
	}
	fmt.Fprintln(os.Stderr, "go_http:", err)
}
