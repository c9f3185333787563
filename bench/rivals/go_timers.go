// The things of ../timers.cpp in Go: time.AfterFunc, whose function runs as a
// goroutine. What fires is measured by sleeping until all are due.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func cpuNs() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func say(name string, count int, start float64) {
	fmt.Printf("{\"name\": \"%s\", \"ns\": %.2f}\n", name, (cpuNs()-start)/float64(count))
}

func scattered(i int) time.Duration {
	return time.Duration(1+i*104729%1000003) * time.Microsecond
}

func many(count int, of string) {
	var fired sync.WaitGroup
	all := make([]*time.Timer, count)
	arm := func(later time.Duration) {
		for i := range all {
			all[i] = time.AfterFunc(later+scattered(i), fired.Done)
		}
	}
	start := cpuNs()
	arm(time.Hour)
	say("arm "+of, count, start)
	start = cpuNs()
	for _, each := range all {
		each.Stop()
	}
	say("cancel "+of, count, start)
	fired.Add(count)
	arm(3 * time.Second) // So that none fires before the last is armed.
	start = cpuNs()
	fired.Wait()
	say("fire "+of, count, start)
}

func main() {
	runtime.GOMAXPROCS(1)
	scale := 1
	if len(os.Args) > 1 && os.Args[1] == "--tiny" {
		scale = 1000
	}
	others := make([]*time.Timer, 100000/scale)
	for i := range others {
		others[i] = time.AfterFunc(time.Hour+scattered(i*7), func() {})
	}
	times := 1000000 / scale
	start := cpuNs()
	for i := 0; i < times; i++ {
		time.AfterFunc(time.Hour+scattered(i), func() {}).Stop()
	}
	say("arm and cancel one among 100k", times, start)
	for _, each := range others {
		each.Stop()
	}
	many(100000/scale, "100k")
	many(1000000/scale, "1M")
}
