package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// runWith runs the client as the command line would, and hands back all it says.
func runWith(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

// check runs the client against a handler and wants an exit code and lines of the report.
func check(t *testing.T, handler http.HandlerFunc, args []string, code int, lines ...string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	wantLines(t, append(args, "--url="+server.URL), code, lines...)
}

func wantLines(t *testing.T, args []string, code int, lines ...string) {
	t.Helper()
	got, stdout, stderr := runWith(args...)
	if got != code {
		t.Errorf("exit code %d, want %d; stderr: %s", got, code, stderr)
	}
	for _, line := range lines {
		if !strings.Contains("\n"+stdout, "\n"+line+"\n") {
			t.Errorf("no line %q in:\n%s", line, stdout)
		}
	}
}

func TestEachThreadSendsAllItsRequestsOnOneConnection(t *testing.T) {
	var served int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&served, 1)
		io.WriteString(w, "Hello, World!")
	}
	check(t, handler, []string{"--threads=3", "--requests=20"}, exitOK,
		"threads: 3", "requests per thread: 20", "count: 60", "connections: 3", "errors: 0")
	if served != 60 {
		t.Errorf("the server saw %d requests, want 60", served)
	}
}

func TestWithoutKeepAliveEachRequestHasItsConnection(t *testing.T) {
	check(t, func(w http.ResponseWriter, r *http.Request) {},
		[]string{"--threads=2", "--requests=5", "--keepalive=false"}, exitOK,
		"count: 10", "connections: 10", "errors: 0")
}

func TestMethodAndBodyArriveEachTime(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "some text" || r.Method != http.MethodPut {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	check(t, handler, []string{"--threads=2", "--requests=10", "--method=PUT", "--body=some text"},
		exitOK, "count: 20", "connections: 2", "errors: 0")
}

func TestLongAnswersAreReadToTheirEnd(t *testing.T) {
	answer := strings.Repeat("x", 5*scratchSize+1)
	handler := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer) }
	check(t, handler, []string{"--threads=1", "--requests=4"}, exitOK,
		"count: 4", "connections: 1", "errors: 0")
}

func TestErrorStatusesAreFailuresByStatus(t *testing.T) {
	var served int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch atomic.AddInt64(&served, 1) % 4 {
		case 1:
			w.WriteHeader(http.StatusNotFound)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	check(t, handler, []string{"--threads=1", "--requests=8"}, exitFailed,
		"count: 4", "errors: 4", "  status 404: 2", "  status 503: 2", "connections: 1")
}

func TestManyErrorStatusesDoNotEndAThread(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }
	check(t, handler, []string{"--threads=1", "--requests=150"}, exitFailed, "  status 418: 150")
}

func TestATimeoutIsCountedAndTheNextRequestIsSent(t *testing.T) {
	var served int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		if atomic.AddInt64(&served, 1) == 1 {
			<-r.Context().Done() // until the client has given up
		}
	}
	check(t, handler, []string{"--threads=1", "--requests=3", "--timeout=1s"}, exitFailed,
		"count: 2", "errors: 1", "  timeout: 1", "connections: 2")
}

func TestNoServerEndsAThreadEarly(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	wantLines(t, []string{"--threads=1", "--requests=1000", "--url=http://" + address}, exitFailed,
		"count: 0", "errors: 1000", "  connect: 100", "  not sent: 900")
}

// answerRaw serves one connection at a time: it reads some of a request, writes bytes and hangs up.
func answerRaw(t *testing.T, hangUp func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			hangUp(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestBrokenAnswersAreNamed(t *testing.T) {
	cases := []struct {
		kind   string
		hangUp func(*net.TCPConn)
	}{
		{"reset", func(conn *net.TCPConn) { conn.SetLinger(0) }},
		{"closed early", func(conn *net.TCPConn) {}},
		{"closed early", func(conn *net.TCPConn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		}},
		{"malformed answer", func(conn *net.TCPConn) { io.WriteString(conn, "so what\r\n\r\n") }},
	}
	for _, c := range cases {
		url := answerRaw(t, c.hangUp)
		wantLines(t, []string{"--threads=1", "--requests=1", "--url=" + url}, exitFailed,
			"count: 0", "errors: 1", "  "+c.kind+": 1")
	}
}

func TestBadCallsAreRefusedInOneLine(t *testing.T) {
	calls := [][]string{
		{"--threads=0"},
		{"--threads=-1"},
		{"--threads=many"},
		{"--requests=0"},
		{"--threads=10000", "--requests=100000000"},
		{"--timeout=0s"},
		{"--url=http://"},
		{"--url=localhost:8888"},
		{"--url=http://a b/"},
		{"--method=no such"},
		{"--colour"},
		{"stray"},
	}
	for _, args := range calls {
		code, stdout, stderr := runWith(args...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

func TestHelpIsNotAnError(t *testing.T) {
	code, stdout, _ := runWith("--help")
	if code != exitOK || !strings.Contains(stdout, "-keepalive") {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
}

func TestQuantiles(t *testing.T) {
	var sorted []time.Duration
	for i := 1; i <= 200; i++ {
		sorted = append(sorted, time.Duration(i)*time.Millisecond)
	}
	for percent, want := range map[int]int{50: 100, 90: 180, 99: 198, 100: 200} {
		if got := quantile(sorted, percent); got != time.Duration(want)*time.Millisecond {
			t.Errorf("p%d is %v, want %d ms", percent, got, want)
		}
	}
	if quantile(nil, 99) != 0 || quantile(sorted[:1], 50) != time.Millisecond {
		t.Error("none or one latency")
	}
}
