package steps

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// proxy says which proxy leads to a host, by the environment of the step: http_proxy, https_proxy and no_proxy, in small
// letters or in capitals. net/http's own reading is that of the process, once and for all.
func proxy(env []string) func(*http.Request) (*url.URL, error) {
	get := func(name string) string {
		if v := variable(env, name); v != "" {
			return v
		}
		// In a CGI script HTTP_PROXY is what a client sent as the header field Proxy.
		if name == "http_proxy" && variable(env, "REQUEST_METHOD") != "" {
			return ""
		}
		return variable(env, strings.ToUpper(name))
	}
	return func(req *http.Request) (*url.URL, error) {
		name := req.URL.Scheme + "_proxy"
		v := get(name)
		if v == "" || direct(req.URL, get("no_proxy")) {
			return nil, nil
		}
		if !strings.Contains(v, "://") {
			v = "http://" + v
		}
		u, err := url.Parse(v)
		if err != nil || u.Hostname() == "" {
			return nil, fmt.Errorf("the variable %s holds no URL of a proxy", name)
		}
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
			return u, nil
		}
		return nil, fmt.Errorf("the variable %s names a proxy of the kind %s, which is not known: http, https, socks5", name, u.Scheme)
	}
}

// direct says whether u is asked without a proxy: this machine always, then what no_proxy lists, separated by commas:
//
//	example.com                it and what is below
//	.example.com               what is below
//	192.0.2.7, 192.0.2.0/24    addresses
//	host:port                  that port only
//	*                          everything
func direct(u *url.URL, list string) bool {
	host, port, _ := net.SplitHostPort(origin(u))
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "*" {
			return true
		}
		if net, cidr := netip.ParsePrefix(entry); cidr == nil {
			if err == nil && net.Contains(ip.Unmap()) {
				return true
			}
			continue
		}
		name, only, hasPort := cutPort(entry)
		if name == "" || hasPort && only != port {
			continue
		}
		if listed, no := netip.ParseAddr(name); no == nil {
			if err == nil && listed.Unmap() == ip.Unmap() {
				return true
			}
			continue
		}
		suffix := strings.TrimPrefix(name, "*")
		if !strings.HasPrefix(suffix, ".") {
			if host == name {
				return true
			}
			suffix = "." + name
		}
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// cutPort parts host:port. An IPv6 address without brackets has no port.
func cutPort(s string) (host, port string, has bool) {
	if host, port, err := net.SplitHostPort(s); err == nil {
		return host, port, true
	}
	return strings.Trim(s, "[]"), "", false
}
