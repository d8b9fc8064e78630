// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/smallstep/certificates/pki"
	"go.step.sm/crypto/pemutil"
)

// An authority that was made a day ago. One of the library's own making begins now, and until it is a minute old it renews
// nothing by a token: the server looks at the chain as it was a minute before the certificate's end.
const age = 24 * time.Hour

const lifetime = 10 * 365 * 24 * time.Hour

func authorityTemplate(name, organization string, pathLength int) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	begin := time.Now().Add(-age)
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{organization}},
		NotBefore:             begin,
		NotAfter:              begin.Add(lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            pathLength,
		MaxPathLenZero:        pathLength == 0,
	}, nil
}

// A certificate with a key of its own; parent nil: signed by itself.
func makeAuthority(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}

// Root and intermediate of a new authority, with their keys under this password, for p.Save().
func makeAuthorities(p *pki.PKI, name string, password []byte) error {
	template, err := authorityTemplate(name+" Root CA", name, 1)
	if err != nil {
		return err
	}
	root, rootKey, err := makeAuthority(template, nil, nil)
	if err != nil {
		return err
	}
	if err := p.WriteRootCertificate(root, rootKey, password); err != nil {
		return err
	}
	if template, err = authorityTemplate(name+" Intermediate CA", name, 0); err != nil {
		return err
	}
	intermediate, key, err := makeAuthority(template, root, rootKey)
	if err != nil {
		return err
	}
	block, err := pemutil.Serialize(key, pemutil.WithPassword(password))
	if err != nil {
		return err
	}
	p.Files[p.Intermediate] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: intermediate.Raw})
	p.Files[p.IntermediateKey] = pem.EncodeToMemory(block)
	return nil
}
