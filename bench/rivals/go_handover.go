// The things of ../handover.cpp in Go, on one processor.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"syscall"
)

const crowd = 1000

func cpuNs() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func each(name string, count int, work func(n int)) {
	rounds := 5
	if len(os.Args) > 1 && os.Args[1] == "--tiny" {
		count, rounds = max(count/1000, crowd), 1
	}
	samples := []float64{}
	for round := 0; round < rounds; round++ {
		start := cpuNs()
		work(count)
		samples = append(samples, (cpuNs()-start)/float64(count))
	}
	sort.Float64s(samples)
	fmt.Printf("{\"name\": \"%s\", \"ns\": %.2f}\n", name, samples[len(samples)/2])
}

func main() {
	runtime.GOMAXPROCS(1)
	each("queue", 1000000, func(n int) {
		items := make(chan int, 1)
		done := make(chan bool)
		go func() {
			for i := 0; i < n; i++ {
				<-items
			}
			done <- true
		}()
		go func() {
			for i := 0; i < n; i++ {
				items <- i
			}
		}()
		<-done
	})
	each("spawn and join", 1000000, func(n int) {
		var child sync.WaitGroup
		for i := 0; i < n; i++ {
			child.Add(1)
			go func() { child.Done() }()
			child.Wait()
		}
	})
	each("mutex", 500000, func(n int) {
		var one sync.Mutex
		var both sync.WaitGroup
		for g := 0; g < 2; g++ {
			both.Add(1)
			go func() {
				for i := 0; i < n/2; i++ {
					one.Lock()
					runtime.Gosched()
					one.Unlock()
				}
				both.Done()
			}()
		}
		both.Wait()
	})
	each("event", 1000000, func(n int) {
		var lock sync.Mutex
		event := sync.NewCond(&lock)
		woken := 0
		var all sync.WaitGroup
		for g := 0; g < crowd; g++ {
			all.Add(1)
			go func() {
				lock.Lock()
				for i := 0; i < n/crowd; i++ {
					event.Wait()
					woken++
				}
				lock.Unlock()
				all.Done()
			}()
		}
		// Not everybody need have had a turn after Gosched, so wakes are counted.
		for over := false; !over; {
			runtime.Gosched()
			lock.Lock()
			over = woken == n/crowd*crowd
			event.Broadcast()
			lock.Unlock()
		}
		all.Wait()
	})
}
