// A crawler on Go's net/http: as many goroutines as there may be fetches at
// once, one client whose pool holds a connection for each.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func fetch(client *http.Client, url string) int64 {
	page, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
	defer page.Body.Close()
	body, err := io.ReadAll(page.Body)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
	return int64(len(body))
}

func main() {
	port := flag.Int("port", 0, "port of the server")
	page := flag.String("page", "/1024", "what to fetch")
	concurrency := flag.Int("concurrency", 1, "fetches at once")
	flag.Parse()
	url := fmt.Sprintf("http://127.0.0.1:%d%s", *port, *page)
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConns: *concurrency, MaxIdleConnsPerHost: *concurrency, DisableCompression: true}}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var fetches int64
		fmt.Sscanf(lines.Text(), "run %d", &fetches)
		var bytes int64
		left := fetches
		start := time.Now()
		var all sync.WaitGroup
		for i := 0; i < *concurrency; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for atomic.AddInt64(&left, -1) >= 0 {
					atomic.AddInt64(&bytes, fetch(client, url))
				}
			}()
		}
		all.Wait()
		fmt.Printf("{\"messages\":%d,\"elapsed_ns\":%d,\"bytes\":%d}\n", fetches, time.Since(start).Nanoseconds(), bytes)
	}
}
