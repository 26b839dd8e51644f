package link

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/flowrun/flowrun/pkg/cli"
)

// Keys encrypt all that travels: what a run was started with, the values of its steps, the texts of its errors; and what its steps
// keep in a store.
//
// A key file has a key on each line: 32 bytes, in hex or in base64. What begins with # is a comment. The first key
// encrypts, every one decrypts. So a key is changed in three steps, each on all machines before the next: the new one
// comes below the old one, then above it; and the old one goes when nobody asks for its runs any more.
//
// With a key file nothing is taken that is not encrypted: the server, and whoever else may start workflows there, can
// then make up no run. They can still see when steps run and how large values are, and start again what was encrypted
// for another run.
type Keys struct {
	path  string
	first string // the id of the key that encrypts; "": none does
	all   map[string]cipher.AEAD
}

const (
	// encoding of a payload that is encrypted. It and keyName are those of Temporal's examples, which its pages know.
	encoding = "binary/encrypted"
	keyName  = "encryption-key-id"
)

// ReadKeys reads the key file. No path is no key.
func ReadKeys(l cli.Link) (*Keys, error) {
	path := l.KeyFile
	k := &Keys{path: path, all: map[string]cipher.AEAD{}}
	if path == "" {
		return k, nil
	}
	read := l.Keys
	if read == nil {
		read = func() ([]byte, error) { return os.ReadFile(path) }
	}
	text, err := read()
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("there is no key file %q (make one with: %s > FILE)", path, keygen)
	}
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key := decodeKey(line)
		if len(key) != keyLen {
			return nil, fmt.Errorf("line %d of the key file %q is no key of %d bytes in hex or base64 (make one with: %s)", n, path, keyLen, keygen)
		}
		id := idOf(key)
		if k.first == "" {
			k.first = id
		}
		k.all[id] = aead(key)
	}
	if k.first == "" {
		return nil, fmt.Errorf("there is no key in the key file %q (make one with: %s)", path, keygen)
	}
	return k, nil
}

const (
	keyLen = 32
	idLen  = 6
	keygen = "openssl rand -hex 32"
)

// decodeKey is the key that a line has; nil: it has none. Nothing of the line is ever told.
func decodeKey(line string) []byte {
	if key, err := hex.DecodeString(line); err == nil {
		return key
	}
	line = strings.TrimRight(line, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := e.DecodeString(line); err == nil {
			return key
		}
	}
	return nil
}

// idOf names a key in what is encrypted with it. It is made of the key, so that nobody has to give names, and no two
// keys can have one.
func idOf(key []byte) string {
	sum := sha256.Sum256(append([]byte("flowrun key id "), key...))
	return hex.EncodeToString(sum[:idLen])
}

func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("link: a key of another length: " + err.Error())
	}
	// A random nonce is good for four billion payloads, years of a busy namespace, and a thousand terabytes of files; then a new key is due.
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("link: AES without GCM: " + err.Error())
	}
	return gcm
}

// dataConverter makes values into payloads, and back.
func (k *Keys) dataConverter() converter.DataConverter {
	return aware{converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k)}
}

// Encode implements converter.PayloadCodec.
func (k *Keys) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if k.first == "" {
		return payloads, nil
	}
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("what is to be encrypted: %w", err)
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyName: []byte(k.first)},
			Data:     k.all[k.first].Seal(nil, nil, plain, nil),
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec.
func (k *Keys) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if out[i], err = k.decode(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (k *Keys) decode(p *commonpb.Payload) (*commonpb.Payload, error) {
	sealed := string(p.GetMetadata()[converter.MetadataEncoding]) == encoding
	switch {
	case !sealed && k.first == "":
		return p, nil
	case !sealed:
		return nil, errNotSealed
	}
	id := string(p.GetMetadata()[keyName])
	gcm, err := k.of(id)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nil, p.GetData(), nil)
	if err != nil {
		return nil, keyError(fmt.Sprintf("it was changed after it had been encrypted with the key %q", id))
	}
	out := new(commonpb.Payload)
	if err := proto.Unmarshal(plain, out); err != nil {
		return nil, keyError(fmt.Sprintf("what was encrypted with the key %q is no value: %v", id, err))
	}
	return out, nil
}

// of is the key of that id.
func (k *Keys) of(id string) (cipher.AEAD, error) {
	if k.first == "" {
		return nil, keyError(fmt.Sprintf("it is encrypted with the key %.32q (give the file of that key with --key-file)", id))
	}
	gcm, ok := k.all[id]
	if !ok {
		return nil, keyError(fmt.Sprintf("it is encrypted with the key %.32q, which is not in %q", id, k.path))
	}
	return gcm, nil
}

// errNotSealed is that of what is not encrypted where it must be.
const errNotSealed = keyError("it is not encrypted, and whoever has a key file takes nothing else (--key-file belongs to the workers and to everyone who starts or looks at their runs)")

// LacksKey says whether an activity has failed since its worker has no key for what it was to do.
func LacksKey(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if app, ok := err.(*temporal.ApplicationError); ok && app.Type() == keyErrorType {
			return true
		}
	}
	return false
}

// keyErrorType is how the SDK tells keyError to others, who may not be able to read its text.
const keyErrorType = "keyError"

// keyError is why something cannot be read that travelled.
type keyError string

func (e keyError) Error() string { return string(e) }

// Vital is implemented by what a workflow cannot go on without: what it was started with, and how its steps ended. A
// worker that has no key for it leaves the workflow to others, and warns of that. Anything else that cannot be read, as
// what a stranger tells the workflow, is passed over.
type Vital interface{ Vital() }

// insistent panics where a key for something vital is missing. That is what the SDK has for it: within a workflow, an error
// of a converter is one of the workflow, which fails by it, and a panic one of the worker, whereupon the server asks another
// one, or the same again.
type insistent struct{ converter.DataConverter }

// FromPayload implements converter.DataConverter.
func (c insistent) FromPayload(p *commonpb.Payload, to any) error {
	return insist(c.DataConverter.FromPayload(p, to), to)
}

// FromPayloads implements converter.DataConverter.
func (c insistent) FromPayloads(p *commonpb.Payloads, to ...any) error {
	return insist(c.DataConverter.FromPayloads(p, to...), to...)
}

func insist(err error, to ...any) error {
	var key keyError
	isVital := func(v any) bool { _, ok := v.(Vital); return ok }
	if errors.As(err, &key) && slices.ContainsFunc(to, isVital) {
		panic(key)
	}
	return err
}

// aware is insistent within workflows.
type aware struct{ converter.DataConverter }

// WithWorkflowContext implements converter.ContextAware.
func (c aware) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	return insistent(c)
}

// WithContext implements converter.ContextAware.
func (c aware) WithContext(context.Context) converter.DataConverter { return c }
