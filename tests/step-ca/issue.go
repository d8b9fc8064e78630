// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/smallstep/certificates/ca"
	"github.com/urfave/cli"
	"go.step.sm/crypto/pemutil"
)

// One certificate by Smallstep's own client, into FOLDER/NAME.crt and .key: a token, a key, a request, an answer.
func issueOne(p *ca.Provisioner, folder, name string) error {
	token, err := p.Token(name, name, "www."+name)
	if err != nil {
		return err
	}
	request, key, err := ca.CreateSignRequest(token)
	if err != nil {
		return err
	}
	answer, err := p.Sign(request)
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, certificate := range answer.CertChainPEM {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
			return err
		}
	}
	block, err := pemutil.Serialize(key)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path+".key", pem.EncodeToMemory(block), 0600); err != nil {
		return err
	}
	return os.WriteFile(path+".crt", chain.Bytes(), 0644)
}

// So many certificates, so many of them at once; prints how long it took, in microseconds.
func issue(c *cli.Context) error {
	password, err := readPassword(c.String("password-file"))
	if err != nil {
		return err
	}
	begin := time.Now()
	p, err := ca.NewProvisioner(c.String("provisioner"), "", c.String("url"), password, ca.WithRootFile(c.String("root")))
	if err != nil {
		return err
	}
	names := make(chan string)
	failures := make(chan error, c.Int("count"))
	var workers sync.WaitGroup
	for i := 0; i < c.Int("at-once"); i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for name := range names {
				if err := issueOne(p, c.String("folder"), name); err != nil {
					failures <- err
				}
			}
		}()
	}
	for i := 0; i < c.Int("count"); i++ {
		names <- fmt.Sprintf("c%d.example.org", i)
	}
	close(names)
	workers.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	fmt.Println(time.Since(begin).Microseconds())
	return nil
}
