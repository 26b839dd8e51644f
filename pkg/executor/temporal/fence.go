package temporal

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fence knows which jobs the server has not heard of for so long that it takes their worker to be dead. It then has somebody else
// begin them, and they must not go on here.
type fence struct {
	mu    sync.Mutex
	heard map[string]time.Time // when last, by the token of the activity
	most  time.Duration        // for which it may not have heard
}

// unheard is how long that is. It is less than the server's own by the time that a job takes to end here before it begins anew elsewhere.
const unheard = heartbeat - time.Second

func (f *fence) begin(token []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard[string(token)] = time.Now()
}

func (f *fence) end(token []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.heard, string(token))
}

func (f *fence) cut(token []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.heard[string(token)]) > f.most
}

// intercept sees which signs of life arrive. It is a grpc.UnaryClientInterceptor.
//
// One that does not arrive is passed over: for the SDK work is cancelled by that, after a second in which the server has much to do. Only when
// the server says that it does not know the work any more nobody wants it.
func (f *fence) intercept(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	sent := time.Now()
	err := call(ctx, method, req, reply, conn, opts...)
	r, ok := req.(*workflowservice.RecordActivityTaskHeartbeatRequest)
	switch {
	case !ok, status.Code(err) == codes.NotFound:
		return err
	case err != nil:
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ours := f.heard[string(r.TaskToken)]; ours {
		f.heard[string(r.TaskToken)] = sent
	}
	return nil
}

func newFence(most time.Duration) *fence { return &fence{heard: map[string]time.Time{}, most: most} }
