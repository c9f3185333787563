// Very many goroutines that sleep.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	count := flag.Int("count", 1000, "how many")
	seconds := flag.Float64("seconds", 1, "how long each")
	flag.Parse()
	howLong := time.Duration(*seconds * float64(time.Second))
	var begun, awake int64
	var all sync.WaitGroup
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 16))
	for i := 0; i < *count; i++ {
		all.Add(1)
		go func() {
			atomic.AddInt64(&begun, 1)
			time.Sleep(howLong)
			atomic.AddInt64(&awake, 1)
			all.Done()
		}()
	}
	for atomic.LoadInt64(&begun) < int64(*count) {
		time.Sleep(time.Millisecond)
	}
	if atomic.LoadInt64(&awake) > 0 {
		fmt.Fprintln(os.Stderr, "some woke before all slept: they must sleep longer")
		os.Exit(1)
	}
	fmt.Println("asleep")
	all.Wait()
	fmt.Println("awake")
	os.Stdin.Read(make([]byte, 16))
}
