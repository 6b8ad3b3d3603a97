// Command client loads an HTTP server and says how fast, and how well, it answered.
//
//	go run client.go --threads=10 --requests=10000
//
// Every thread is a goroutine with one keep-alive connection of its own, on which it sends its
// requests one after another. It must not pace, pool or follow redirects: what is counted is what
// was sent. Go's transport sends a request again when a kept connection turns out to be closed; the
// number of connections, which is printed, shows whether that happened.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Exit codes, so that scripts can tell a bad server from a bad call.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const (
	// Each thread holds a descriptor, of which many systems allow a process 20,000 or fewer.
	threadsMax = 10_000
	// Requests of all threads together; each leaves a record of 8 bytes.
	recordsMax = 20_000_000
	// A thread whose server is gone stops here, and not after its timeout times its requests.
	failuresInRowMax = 100
	// Most answers fit into one read of this many bytes.
	scratchSize = 16 * 1024
	// How far the heap may grow between collections, in per cent: it is tiny, and what it holds is
	// garbage after each request, so that the default spends time on collecting next to nothing.
	heapGrowth = 1000
)

// config is the command line, checked.
type config struct {
	threads   int
	requests  int // for each thread
	url       string
	method    string
	body      string
	keepalive bool
	timeout   time.Duration // for one request, from its first byte to the last of the answer
}

// result is what one thread saw. Threads share nothing while they run; results are merged after.
type result struct {
	latencies   []time.Duration // of the requests that succeeded
	failures    map[string]int  // kind of error -> how many
	connections int64           // connections opened, tries included
}

func main() {
	debug.SetGCPercent(heapGrowth)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process around it: arguments in, exit code out.
func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "client: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stdout, "threads: %d\nrequests per thread: %d\n", cfg.threads, cfg.requests)
	start := time.Now()
	total := merge(load(cfg))
	report(stdout, total, time.Since(start))
	if len(total.failures) > 0 {
		return exitFailed
	}
	return exitOK
}

// parse reads the flags and refuses what could not be run as asked.
func parse(args []string, stdout io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	// The caller prints the one line that matters; the flag package would add a page to it.
	flags.SetOutput(io.Discard)
	flags.IntVar(&cfg.threads, "threads", 10, "`number` of threads, one connection each")
	flags.IntVar(&cfg.requests, "requests", 1, "`number` of requests for each thread")
	flags.StringVar(&cfg.url, "url", "http://localhost:8888/", "`address` to load")
	flags.StringVar(&cfg.method, "method", http.MethodGet, "request `method`")
	flags.StringVar(&cfg.body, "body", "", "request body, sent as `text`")
	flags.BoolVar(&cfg.keepalive, "keepalive", true, "keep each thread's connection open between requests")
	flags.DurationVar(&cfg.timeout, "timeout", 30*time.Second, "longest `time` for one request")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stdout)
			flags.Usage()
		}
		return cfg, err
	}
	if flags.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return cfg, cfg.check()
}

// check says what is wrong with the values, in one line.
func (cfg config) check() error {
	switch {
	case cfg.threads < 1 || cfg.threads > threadsMax:
		return fmt.Errorf("--threads must be between 1 and %d, not %d", threadsMax, cfg.threads)
	case cfg.requests < 1 || cfg.requests > recordsMax/cfg.threads:
		return fmt.Errorf("--requests must be between 1 and %d for %d threads, not %d",
			recordsMax/cfg.threads, cfg.threads, cfg.requests)
	case cfg.timeout <= 0:
		return fmt.Errorf("--timeout must be more than 0, not %v", cfg.timeout)
	}
	target, err := url.Parse(cfg.url)
	if err != nil {
		return fmt.Errorf("--url: %v", err)
	}
	if (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return fmt.Errorf("--url must look like http://host:port/path, not %q", cfg.url)
	}
	// Building a request once here leaves threads nothing that could be refused later.
	if _, err := newRequest(cfg); err != nil {
		return fmt.Errorf("--method: %v", err)
	}
	return nil
}

// load runs all threads to their end.
func load(cfg config) []result {
	results := make([]result, cfg.threads)
	var running sync.WaitGroup
	running.Add(cfg.threads)
	for i := range results {
		go func(slot *result) {
			defer running.Done()
			*slot = runThread(cfg)
		}(&results[i])
	}
	running.Wait()
	return results
}

// runThread sends one thread's requests over one connection.
func runThread(cfg config) result {
	seen := result{
		latencies: make([]time.Duration, 0, cfg.requests),
		failures:  map[string]int{},
	}
	link := newLink(cfg)
	defer link.close()
	inRow := 0
	before := time.Now()
	for i := 0; i < cfg.requests; i++ {
		status, err := link.exchange()
		// The end of one request is the start of the next: one look at the clock each.
		after := time.Now()
		switch {
		case err != nil:
			seen.failures[kindOf(err)]++
			inRow++
		case status >= http.StatusBadRequest:
			seen.failures[fmt.Sprintf("status %d", status)]++
			inRow = 0
		default:
			seen.latencies = append(seen.latencies, after.Sub(before))
			inRow = 0
		}
		if inRow == failuresInRowMax && i+1 < cfg.requests {
			seen.failures["not sent"] = cfg.requests - i - 1
			break
		}
		before = after
	}
	seen.connections = atomic.LoadInt64(&link.connections)
	return seen
}

// link is one thread's connection, and the one request it sends again and again. A request made
// anew each time, or a context with a timer each time, would cost more than the exchange itself.
type link struct {
	cfg         config
	transport   *http.Transport
	request     *http.Request      // valid until its context is cancelled, then made anew
	cancel      context.CancelFunc // ends the request under way
	timer       *time.Timer        // calls cancel when a request takes too long
	scratch     []byte             // answers are read into it and forgotten
	connections int64              // how often the transport had to connect
}

func newLink(cfg config) *link {
	l := &link{cfg: cfg, scratch: make([]byte, scratchSize)}
	dialer := net.Dialer{}
	l.transport = &http.Transport{
		// The transport dials on a goroutine of its own.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			atomic.AddInt64(&l.connections, 1)
			return dialer.DialContext(ctx, network, address)
		},
		DisableKeepAlives:   !cfg.keepalive,
		DisableCompression:  true, // measure the server, not the inflating of its answers
		MaxIdleConnsPerHost: 1,
		MaxConnsPerHost:     1,
	}
	l.renew()
	return l
}

// renew makes the request and its timer: at first, and after a timeout has used them up.
func (l *link) renew() {
	ctx, cancel := context.WithCancel(context.Background())
	request, err := newRequest(l.cfg)
	if err != nil {
		panic(err) // check has built the same request before
	}
	l.request, l.cancel = request.WithContext(ctx), cancel
	l.timer = time.AfterFunc(l.cfg.timeout, cancel)
}

func (l *link) close() {
	l.timer.Stop()
	l.cancel()
	l.transport.CloseIdleConnections()
}

// exchange sends the request and reads the whole answer. The transport is used without a
// http.Client, which would add redirects, cookies and a goroutine for its timeout.
func (l *link) exchange() (int, error) {
	if !l.timer.Reset(l.cfg.timeout) {
		l.renew()
	}
	if l.request.GetBody != nil {
		// The transport may still hold the last body when an early answer is complete.
		l.request.Body, _ = l.request.GetBody() // of a string: cannot fail
	}
	response, err := l.transport.RoundTrip(l.request)
	if err == nil {
		err = drain(response.Body, l.scratch)
	}
	if err != nil {
		return 0, l.blame(err)
	}
	return response.StatusCode, nil
}

// blame tells a timeout of ours from what the server or the network did.
func (l *link) blame(err error) error {
	if l.request.Context().Err() != nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

// drain reads a body to its end, without which its connection could not be used again.
func drain(body io.ReadCloser, scratch []byte) error {
	defer body.Close()
	for {
		if _, err := body.Read(scratch); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// kindOf names an error by what failed, so that a thousand of them make one line.
func kindOf(err error) string {
	var operation *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &operation) && operation.Op == "dial":
		return "connect"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "server closed idle connection"):
		return "closed early"
	case strings.Contains(err.Error(), "malformed"):
		return "malformed answer"
	}
	return "other: " + innermost(err).Error()
}

// innermost is the cause without the addresses around it, which differ for each connection.
func innermost(err error) error {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err
		}
		err = cause
	}
}

// newRequest builds what a thread sends; it is used again and again.
func newRequest(cfg config) (*http.Request, error) {
	var body io.Reader
	if cfg.body != "" {
		body = strings.NewReader(cfg.body)
	}
	request, err := http.NewRequest(cfg.method, cfg.url, body)
	if err != nil {
		return nil, err
	}
	// An own name, and not the default one: servers' logs then say who loaded them.
	request.Header.Set("User-Agent", "client_go")
	return request, nil
}

// merge adds up what the threads saw, with the latencies in order.
func merge(results []result) result {
	count := 0
	for _, seen := range results {
		count += len(seen.latencies)
	}
	total := result{latencies: make([]time.Duration, 0, count), failures: map[string]int{}}
	for _, seen := range results {
		total.latencies = append(total.latencies, seen.latencies...)
		total.connections += seen.connections
		for kind, n := range seen.failures {
			total.failures[kind] += n
		}
	}
	sort.Slice(total.latencies, func(i, j int) bool { return total.latencies[i] < total.latencies[j] })
	return total
}

// report prints the figures: what was answered, how fast, and what went wrong.
func report(out io.Writer, total result, took time.Duration) {
	count := len(total.latencies)
	fmt.Fprintf(out, "count: %d\nseconds: %.3f\nrequests per second: %.0f\n",
		count, took.Seconds(), float64(count)/took.Seconds())
	fmt.Fprintf(out, "latency: p50 %v, p90 %v, p99 %v, max %v\n",
		quantile(total.latencies, 50), quantile(total.latencies, 90),
		quantile(total.latencies, 99), quantile(total.latencies, 100))
	fmt.Fprintf(out, "connections: %d\nerrors: %d\n", total.connections, sum(total.failures))
	for _, kind := range keys(total.failures) {
		fmt.Fprintf(out, "  %s: %d\n", kind, total.failures[kind])
	}
}

// quantile is the smallest latency that `percent` of the sorted ones do not exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	if rank < 1 {
		rank = 1
	}
	return sorted[rank-1].Round(time.Microsecond)
}

func sum(counts map[string]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// keys are sorted, so that two runs can be compared line by line.
func keys(counts map[string]int) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
