// main writes cases.json: certificates, and the verdict of Go's crypto/x509, by which API servers judge them. Run it in this
// folder with `go run main.go` after adding a case. All keys are new in each run.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

const host = "rolebridge.system.svc"

type testCase struct {
	Name   string `json:"name"`
	Chain  string `json:"chain"`
	Bundle string `json:"bundle"`
	Now    string `json:"now"`
	Error  string `json:"error"`
}

// issued is a certificate with its key.
type issued struct {
	der  []byte
	cert *x509.Certificate
	key  crypto.Signer
}

type edit func(*x509.Certificate)

func year(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func p256() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
func curve(c elliptic.Curve) crypto.Signer {
	return must(ecdsa.GenerateKey(c, rand.Reader))
}
func rsaKey(bits int) crypto.Signer { return must(rsa.GenerateKey(rand.Reader, bits)) }
func ed() crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func create(template *x509.Certificate, parent *issued, key crypto.Signer) *issued {
	template.SerialNumber = must(rand.Int(rand.Reader, big.NewInt(1<<62)))
	signer, issuer := key, template
	if parent != nil {
		signer, issuer = parent.key, parent.cert
	}
	der := must(x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer))
	return &issued{der, must(x509.ParseCertificate(der)), key}
}

func ca(name string, parent *issued, key crypto.Signer, edits ...edit) *issued {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: year(2020), NotAfter: year(2040), IsCA: true,
		BasicConstraintsValid: true, MaxPathLen: -1, KeyUsage: x509.KeyUsageCertSign,
	}
	for _, edit := range edits {
		edit(template)
	}
	return create(template, parent, key)
}

func leaf(parent *issued, edits ...edit) *issued {
	template := &x509.Certificate{
		NotBefore: year(2025), NotAfter: year(2028), DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, edit := range edits {
		edit(template)
	}
	return create(template, parent, p256())
}

func names(names ...string) edit { return func(c *x509.Certificate) { c.DNSNames = names } }
func until(y int) edit           { return func(c *x509.Certificate) { c.NotAfter = year(y) } }
func from(y int) edit            { return func(c *x509.Certificate) { c.NotBefore = year(y) } }
func usage(u x509.KeyUsage) edit { return func(c *x509.Certificate) { c.KeyUsage = u } }
func ext(u ...x509.ExtKeyUsage) edit {
	return func(c *x509.Certificate) { c.ExtKeyUsage = u }
}
func algorithm(a x509.SignatureAlgorithm) edit {
	return func(c *x509.Certificate) { c.SignatureAlgorithm = a }
}
func pathLen(n int) edit {
	return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
}
func noBasicConstraints(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }
func notCA(c *x509.Certificate)              { c.IsCA, c.MaxPathLen = false, -1 }
func isCA(c *x509.Certificate)               { c.BasicConstraintsValid, c.IsCA, c.MaxPathLen = true, true, -1 }
func critical(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
}

// directoryName is the encoding of names, or of constraints on names, that contain only an empty directory name.
func directoryName(constraints, isCritical bool) edit {
	id, value := asn1.ObjectIdentifier{2, 5, 29, 17}, []byte{0x30, 4, 0xa4, 2, 0x30, 0}
	if constraints {
		id, value = asn1.ObjectIdentifier{2, 5, 29, 30}, append([]byte{0x30, 8, 0xa0, 6}, value...)
	}
	return func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: isCritical, Value: value}}
	}
}
func permitted(domains ...string) edit {
	return func(c *x509.Certificate) { c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, domains }
}
func excluded(domains ...string) edit {
	return func(c *x509.Certificate) { c.ExcludedDNSDomains = domains }
}
func addresses(text ...string) edit {
	return func(c *x509.Certificate) {
		for _, one := range text {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(one))
		}
	}
}
func networks(text string) edit {
	return func(c *x509.Certificate) {
		_, network, err := net.ParseCIDR(text)
		c.PermittedIPRanges = []*net.IPNet{must(network, err)}
	}
}

func encode(list []*issued) string {
	text := ""
	for _, one := range list {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.der}))
	}
	return text
}

// judge verifies as the TLS client of an API server does.
func judge(chain, bundle []*issued, now time.Time) string {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(encode(bundle)))
	for _, one := range chain[1:] {
		intermediates.AddCert(one.cert)
	}
	options := x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: host, Intermediates: intermediates}
	if _, err := chain[0].cert.Verify(options); err != nil {
		return err.Error()
	}
	return ""
}

func main() {
	var cases []testCase
	add := func(name string, now int, chain []*issued, bundle ...*issued) {
		cases = append(cases, testCase{
			name, encode(chain), encode(bundle), year(now).Format(time.RFC3339), judge(chain, bundle, year(now)),
		})
	}
	one := func(list ...*issued) []*issued { return list }
	simple := func(name string, key crypto.Signer, caEdits []edit, leafEdits ...edit) {
		root := ca("ca", nil, key, caEdits...)
		add(name, 2027, one(leaf(root, leafEdits...)), root)
	}

	root, other := ca("ca", nil, p256()), ca("other", nil, p256())
	valid := leaf(root)
	add("valid", 2027, one(valid), root)
	add("valid with another CA", 2027, one(valid), other, root)
	add("last second", 2028, one(valid), root)
	add("first second", 2025, one(valid), root)
	add("expired", 2029, one(valid), root)
	add("not yet valid", 2024, one(valid), root)
	add("other CA", 2027, one(valid), other)
	add("other CA of that name", 2027, one(valid), ca("ca", nil, p256()))
	add("two CAs of one name", 2027, one(valid), ca("ca", nil, p256()), root)
	simple("expired CA", p256(), []edit{until(2026)})
	simple("CA not yet valid", p256(), []edit{from(2030)})
	key := p256()
	old := ca("ca", nil, key, until(2026))
	add("expired CA and its renewal with the same key", 2027, one(leaf(old)), old, ca("ca", nil, key))

	simple("CA without basic constraints", p256(), []edit{noBasicConstraints})
	simple("CA:FALSE as CA", p256(), []edit{notCA})
	simple("CA that may not sign certificates", p256(), []edit{usage(x509.KeyUsageDigitalSignature)})
	simple("CA without key usage", p256(), []edit{usage(0)})
	simple("CA for clients", p256(), []edit{ext(x509.ExtKeyUsageClientAuth)})
	simple("CA for servers", p256(), []edit{ext(x509.ExtKeyUsageServerAuth)})
	simple("CA with an unknown critical extension", p256(), []edit{critical})
	simple("CA with critical constraints on directory names", p256(), []edit{directoryName(true, true)})
	simple("CA with constraints on directory names", p256(), []edit{directoryName(true, false)})
	simple("CA with critical names of an unknown kind", p256(), []edit{directoryName(false, true)})
	simple("CA with names of an unknown kind", p256(), []edit{directoryName(false, false)})
	simple("unknown critical extension", p256(), nil, critical)
	simple("for clients", p256(), nil, ext(x509.ExtKeyUsageClientAuth))
	simple("for anything", p256(), nil, ext(x509.ExtKeyUsageAny))
	simple("without extended key usage", p256(), nil, ext())

	simple("CA:TRUE", p256(), nil, isCA)
	simple("CA:TRUE, wrong name", p256(), nil, isCA, names("other.system.svc"))
	self := ca("self", nil, p256(), names(host))
	add("self-signed CA:TRUE in the bundle", 2027, one(self), self)
	add("self-signed CA:TRUE not in the bundle", 2027, one(self), other)
	add("self-signed CA:TRUE, expired", 2041, one(self), self)
	wrong := ca("self", nil, p256(), names("other.system.svc"))
	add("self-signed CA:TRUE, wrong name", 2027, one(wrong), wrong)
	clients := ca("self", nil, p256(), names(host), ext(x509.ExtKeyUsageClientAuth))
	add("self-signed CA:TRUE for clients", 2027, one(clients), clients)
	plain := create(&x509.Certificate{NotBefore: year(2020), NotAfter: year(2040), DNSNames: []string{host}}, nil, p256())
	add("self-signed without basic constraints", 2027, one(plain), plain)

	for _, c := range []elliptic.Curve{elliptic.P224(), elliptic.P384(), elliptic.P521()} {
		name := c.Params().Name
		simple(name, curve(c), nil)
		simple(name+", wrong name", curve(c), nil, names("other.system.svc"))
		simple(name+", expired CA", curve(c), []edit{until(2026)})
		simple(name+", expired", curve(c), nil, until(2026))
		add(name+", other CA", 2027, one(leaf(ca("ca", nil, curve(c)))), other)
	}
	simple("P-256 with SHA-512", p256(), nil, algorithm(x509.ECDSAWithSHA512))
	simple("Ed25519", ed(), nil)
	simple("RSA 1024", rsaKey(1024), nil)
	simple("RSA 2048", rsaKey(2048), nil)
	simple("RSA 2048 with SHA-512", rsaKey(2048), nil, algorithm(x509.SHA512WithRSA))
	simple("RSA 2048 PSS", rsaKey(2048), nil, algorithm(x509.SHA256WithRSAPSS))
	simple("RSA 2048 with SHA-1", rsaKey(2048), nil, algorithm(x509.SHA1WithRSA))
	simple("P-256 with SHA-1", p256(), nil, algorithm(x509.ECDSAWithSHA1))

	simple("common name only", p256(), nil, names(), func(c *x509.Certificate) { c.Subject.CommonName = host })
	simple("wrong name", p256(), nil, names("other.system.svc"))
	simple("one of several names", p256(), nil, names("other", host))
	simple("wildcard", p256(), nil, names("*.system.svc"))
	simple("wildcard for two labels", p256(), nil, names("*.svc"))
	simple("wildcard in a label", p256(), nil, names("role*.system.svc"))
	simple("upper case", p256(), nil, names("ROLEBRIDGE.system.svc"))
	simple("address only", p256(), nil, names(), addresses("10.0.0.1"))
	simple("permitted name", p256(), []edit{permitted(host)})
	simple("permitted domain", p256(), []edit{permitted("svc")})
	simple("permitted subdomains", p256(), []edit{permitted(".system.svc")})
	simple("permitted subdomains only", p256(), []edit{permitted("." + host)})
	simple("not permitted name", p256(), []edit{permitted("bridge.system.svc")})
	simple("second name not permitted", p256(), []edit{permitted(host)}, names(host, "other.svc"))
	simple("excluded domain", p256(), []edit{excluded("system.svc")})
	simple("other domain excluded", p256(), []edit{excluded("other.svc")})
	simple("permitted address", p256(), []edit{networks("10.0.0.0/8")}, addresses("10.0.0.1"))
	simple("not permitted address", p256(), []edit{networks("10.0.0.0/8")}, addresses("11.0.0.1"))
	simple("address of the other family", p256(), []edit{networks("10.0.0.0/8")}, addresses("fd00::1"))

	through := func(name string, rootEdits []edit, edits ...edit) {
		root := ca("ca", nil, p256(), rootEdits...)
		middle := ca("middle", root, p256(), edits...)
		add(name, 2027, one(leaf(middle), middle), root)
	}
	through("intermediate", nil)
	through("intermediate expired", nil, until(2026))
	through("intermediate without basic constraints", nil, noBasicConstraints)
	through("intermediate CA:FALSE", nil, notCA)
	through("intermediate for clients", nil, ext(x509.ExtKeyUsageClientAuth))
	through("intermediate beyond the path length", []edit{pathLen(0)})
	through("intermediate within the path length", []edit{pathLen(1)})
	through("intermediate with path length 0", nil, pathLen(0))
	through("intermediate of an expired CA", []edit{until(2026)})
	middle := ca("middle", root, p256())
	add("intermediate missing", 2027, one(leaf(middle)), root)
	add("intermediate as the trusted CA", 2027, one(leaf(middle)), middle)
	lower := ca("lower", middle, p256())
	add("intermediates in another order", 2027, one(leaf(lower), middle, lower), root)

	file := must(os.Create("cases.json"))
	encoder := json.NewEncoder(file)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(cases); err != nil {
		panic(err)
	}
}
