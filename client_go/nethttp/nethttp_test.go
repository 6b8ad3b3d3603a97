// Package nethttp has Go's net/http make requests of the tests' application, at the address in the
// variable SERVER; the tests of the workspace start that application and run these.
package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the longest wait for one answer, its body included.
const patience = 60 * time.Second

// large does not fit into any buffer on the way.
var large = bytes.Repeat([]byte("0123456789abcdef"), 100_000)

// expect asks for leave to send the body.
var expect = map[string]string{"Expect": "100-continue"}

// attempt is one request and what it came to.
type attempt struct {
	method, path string
	body         io.Reader
	fields       map[string]string
	trailers     http.Header
	status       int
	answer       string // not compared where it is empty
}

func address(t *testing.T) string {
	t.Helper()
	address := os.Getenv("SERVER")
	if address == "" {
		t.Skip("SKIPPED: SERVER does not say where the application is")
	}
	return address
}

// newClient is a client of this test alone, with one connection at most.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{
		MaxConnsPerHost:       1,
		ExpectContinueTimeout: patience,
		DisableCompression:    true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// check makes the request, compares its answer, and says whether its connection was used before.
func check(t *testing.T, client *http.Client, want attempt) (reused bool, answer *http.Response) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { reused = got.Reused }}
	answer = checkTraced(t, client, want, trace)
	return reused, answer
}

func checkTraced(t *testing.T, client *http.Client, want attempt, trace *httptrace.ClientTrace) *http.Response {
	t.Helper()
	ctx := httptrace.WithClientTrace(context.Background(), trace)
	request, err := http.NewRequestWithContext(ctx, want.method, "http://"+address(t)+want.path, want.body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range want.fields {
		request.Header.Set(name, value)
	}
	request.Trailer = want.trailers
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", want.method, want.path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", want.method, want.path, err)
	}
	if answer.StatusCode != want.status || want.answer != "" && string(body) != want.answer {
		t.Fatalf("%s %s: %d %.99q", want.method, want.path, answer.StatusCode, body)
	}
	return answer
}

// unsized hides the length of a reader, so that the request is sent in chunks.
func unsized(body []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(body))
}

func TestAConnectionIsUsedAgainWhateverTheAnswer(t *testing.T) {
	client := newClient(t)
	attempts := []attempt{
		{method: "GET", path: "/", status: 200, answer: "root"},
		{method: "HEAD", path: "/bytes/1000", status: 200},
		{method: "GET", path: "/nowhere", status: 404},
		{method: "DELETE", path: "/", status: 405},
		{method: "GET", path: "/stream/1000", status: 200, answer: strings.Repeat("abc", 1000)},
		{method: "GET", path: "/panic/inline", status: 500},
		{method: "POST", path: "/ignore", body: strings.NewReader("unread"), status: 200, answer: "ignored"},
		{method: "PURGE", path: "/method", status: 200, answer: "PURGE"},
	}
	for i := 0; i < 5*len(attempts); i++ {
		reused, _ := check(t, client, attempts[i%len(attempts)])
		if body, is := attempts[i%len(attempts)].body.(io.Seeker); is {
			body.Seek(0, io.SeekStart)
		}
		if reused != (i > 0) {
			t.Errorf("request %d, %s: reused is %t", i, attempts[i%len(attempts)].path, reused)
		}
	}
}

func TestBodiesArriveWholeInChunksOrNot(t *testing.T) {
	client := newClient(t)
	for _, body := range [][]byte{large, []byte("x"), {}} {
		for _, reader := range []io.Reader{unsized(body), bytes.NewReader(body)} {
			want := attempt{method: "POST", path: "/echo", body: reader, status: 200, answer: string(body)}
			_, answer := check(t, client, want)
			if answer.ContentLength != int64(len(body)) {
				t.Errorf("Content-Length %d, want %d", answer.ContentLength, len(body))
			}
		}
	}
}

func TestTrailersGoBothWays(t *testing.T) {
	sum := http.Header{"X-Sum": {"42"}}
	body := unsized(large)
	check(t, newClient(t), attempt{method: "POST", path: "/trailers", body: body, trailers: sum, status: 200, answer: "x-sum=42"})
	_, answer := check(t, newClient(t), attempt{method: "GET", path: "/stream/7", status: 200})
	if count := answer.Trailer.Get("X-Count"); count != "7" {
		t.Errorf("trailers %v", answer.Trailer)
	}
}

func TestABodyWaitsForLeave(t *testing.T) {
	for _, path := range []string{"/echo", "/live", "/blocking-echo"} {
		var codes []int
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			codes = append(codes, code)
			return nil
		}}
		want := attempt{method: "POST", path: path, body: bytes.NewReader(large), fields: expect, status: 200}
		checkTraced(t, newClient(t), want, trace)
		if len(codes) != 1 || codes[0] != http.StatusContinue {
			t.Errorf("%s: interim answers %v", path, codes)
		}
	}
}

func TestARefusedBodyIsNeverRead(t *testing.T) {
	body := &counted{left: 3 << 20}
	want := attempt{method: "POST", path: "/nowhere", body: body, fields: expect, status: 404}
	check(t, newClient(t), want)
	if body.read > 0 {
		t.Errorf("%d bytes were read", body.read)
	}
}

// counted is a body that notes how much of it was read.
type counted struct{ read, left int }

func (body *counted) Read(into []byte) (int, error) {
	if body.left == 0 {
		return 0, io.EOF
	}
	count := len(into)
	if count > body.left {
		count = body.left
	}
	body.left -= count
	body.read += count
	return count, nil
}

func TestTooLargeABodyIsAnAnswerNotAnError(t *testing.T) {
	for _, body := range []io.Reader{&counted{left: 5 << 20}, bytes.NewReader(make([]byte, 5<<20))} {
		check(t, newClient(t), attempt{method: "POST", path: "/echo", body: body, status: 413})
	}
}

func TestRequestsAreGivenUpInFlight(t *testing.T) {
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		client := newClient(t)
		go func() {
			defer all.Done()
			// Given up as soon as the request is on its way.
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }}
			ctx = httptrace.WithClientTrace(ctx, trace)
			request, err := http.NewRequestWithContext(ctx, "GET", "http://"+address(t)+"/deadline", nil)
			if err == nil {
				_, err = client.Do(request)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			// The client goes on with another connection.
			answer, err := client.Get("http://" + address(t) + "/")
			if err != nil || answer.StatusCode != 200 {
				t.Errorf("%v, %v", answer, err)
				return
			}
			answer.Body.Close()
		}()
	}
	all.Wait()
}

// The transport speaks HTTP/1.1 only, so that the older version is written by hand; its answers
// are read by net/http all the same.
func TestTheOlderVersion(t *testing.T) {
	conn, err := net.DialTimeout("tcp", address(t), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	reader := bufio.NewReader(conn)
	for _, c := range []struct {
		path, fields, answer string
		close                bool
	}{
		{"/", "Connection: keep-alive\r\n", "root", false},
		{"/bytes/5", "Connection: keep-alive\r\n", "xxxxx", false},
		{"/stream/3", "Connection: keep-alive\r\n", "abcabcabc", true},
	} {
		fmt.Fprintf(conn, "GET %s HTTP/1.0\r\n%s\r\n", c.path, c.fields)
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || string(body) != c.answer || answer.Close != c.close || answer.TransferEncoding != nil {
			t.Errorf("%s: %q, %v, close %t, %v", c.path, body, err, answer.Close, answer.TransferEncoding)
		}
	}
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("after the last answer: %v", err)
	}
}
