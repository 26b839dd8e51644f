package temporal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestFence: a job of which the server has not heard is ended before the server has somebody else begin it, and not before that.
func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, token := newFence(unheard), []byte("a")
		beat := func(took time.Duration, err, told error) {
			server := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				time.Sleep(took)
				return err
			}
			got := f.intercept(t.Context(), "", &workflowservice.RecordActivityTaskHeartbeatRequest{TaskToken: token}, nil, nil, server)
			if !errors.Is(got, told) {
				t.Errorf("%v, want %v", got, told)
			}
		}
		want := func(cut bool) {
			t.Helper()
			if f.cut(token) != cut {
				t.Errorf("cut: %t, want %t", !cut, cut)
			}
		}
		f.begin(token)
		time.Sleep(8 * time.Second)
		want(false)
		beat(0, nil, nil)
		time.Sleep(8 * time.Second)
		want(false)
		beat(0, status.Error(codes.Unavailable, "no server"), nil) // for the SDK all is well
		beat(time.Second, status.Error(codes.DeadlineExceeded, "too much to do"), nil)
		gone := status.Error(codes.NotFound, "it has ended")
		beat(0, gone, gone)
		time.Sleep(time.Second)
		want(true)
		beat(4*time.Second, nil, nil) // the server may have heard it when it was sent
		want(false)
		time.Sleep(6 * time.Second)
		want(true)
		f.end(token)
		beat(0, nil, nil)
		if len(f.heard) > 0 {
			t.Error("it is remembered")
		}
	})
}
