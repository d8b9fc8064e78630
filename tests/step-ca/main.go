// SPDX-License-Identifier: LGPL-2.1-or-later

// step-ca: Smallstep's own server, for tests, from the Go libraries that Debian ships.
//
// "start" is the server's real main program. The rest is what a test needs beside it: a new authority ("init"), the keys of
// provisioners ("key", "open", "seal"), and Smallstep's own client library at work ("issue"), to measure against.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/cas/apiv1"
	_ "github.com/smallstep/certificates/cas/softcas"
	"github.com/smallstep/certificates/commands"
	"github.com/smallstep/certificates/db"
	"github.com/smallstep/certificates/pki"
	"github.com/urfave/cli"
	"go.step.sm/crypto/jose"
)

func readPassword(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	return bytes.TrimSpace(text), err
}

// A root, an intermediate and one JWK provisioner, below $STEPPATH, as `step ca init` makes them.
func initialise(c *cli.Context) error {
	own, err := readPassword(c.String("password-file"))
	if err != nil {
		return err
	}
	provisioners, err := readPassword(c.String("provisioner-password-file"))
	if err != nil {
		return err
	}
	p, err := pki.New(apiv1.Options{Type: apiv1.SoftCAS, IsCreator: true},
		pki.WithAddress(c.String("address")),
		pki.WithDNSNames(strings.Split(c.String("dns"), ",")),
		pki.WithProvisioner(c.String("provisioner")),
		pki.WithDeploymentType(pki.StandaloneDeployment))
	if err != nil {
		return err
	}
	if err := p.GenerateKeyPairs(provisioners); err != nil {
		return err
	}
	if err := makeAuthorities(p, c.String("name"), own); err != nil {
		return err
	}
	// One file, opened at once: the default (badger) takes longer to open than all the rest of a start.
	database := pki.GetDBPath() + ".bbolt"
	if err := p.Save(func(cfg *config.Config) error {
		cfg.DB = &db.Config{Type: "bbolt", DataSource: database}
		return nil
	}); err != nil {
		return err
	}
	return os.Remove(database) // Save takes it for a folder, and makes it
}

// The JWK in a JWE that a provisioner of the type JWK hands out, with as many iterations as it is told.
func encrypted(jwk *jose.JSONWebKey, password []byte, iterations int) (string, error) {
	text, err := json.Marshal(jwk)
	if err != nil {
		return "", err
	}
	encrypter, err := jose.NewEncrypter(jose.DefaultEncAlgorithm,
		jose.Recipient{Algorithm: jose.PBES2_HS256_A128KW, Key: password, PBES2Count: iterations},
		new(jose.EncrypterOptions).WithContentType("jwk+json"))
	if err != nil {
		return "", err
	}
	jwe, err := encrypter.Encrypt(text)
	if err != nil {
		return "", err
	}
	return jwe.CompactSerialize()
}

func printKey(jwk *jose.JSONWebKey, password []byte, iterations int) error {
	sealed, err := encrypted(jwk, password, iterations)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"key": jwk.Public(), "encryptedKey": sealed})
}

// A new provisioner's key: {"key": JWK, "encryptedKey": JWE}.
func makeKey(c *cli.Context) error {
	password, err := readPassword(c.String("password-file"))
	if err != nil {
		return err
	}
	jwk, err := jose.GenerateJWK(c.String("kty"), c.String("crv"), c.String("alg"), "sig", "", 0)
	if err != nil {
		return err
	}
	if jwk.KeyID, err = jose.Thumbprint(jwk); err != nil {
		return err
	}
	return printKey(jwk, password, c.Int("iterations"))
}

// The key (JWK) in the JWE that is the first argument.
func openKey(c *cli.Context, passwordFlag string) (*jose.JSONWebKey, error) {
	password, err := readPassword(c.String(passwordFlag))
	if err != nil {
		return nil, err
	}
	jwe, err := jose.ParseEncrypted(c.Args().First())
	if err != nil {
		return nil, err
	}
	text, err := jwe.Decrypt(password)
	if err != nil {
		return nil, err
	}
	jwk := new(jose.JSONWebKey)
	return jwk, json.Unmarshal(text, jwk)
}

// The private key, for a test that looks where it must not be.
func showKey(c *cli.Context) error {
	jwk, err := openKey(c, "password-file")
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(jwk)
}

// The same key under another password.
func sealKey(c *cli.Context) error {
	jwk, err := openKey(c, "old-password-file")
	if err != nil {
		return err
	}
	password, err := readPassword(c.String("password-file"))
	if err != nil {
		return err
	}
	return printKey(jwk, password, c.Int("iterations"))
}

func main() {
	password := cli.StringFlag{Name: "password-file"}
	provisioner := cli.StringFlag{Name: "provisioner", Value: "admin"}
	iterations := cli.IntFlag{Name: "iterations", Value: jose.PBKDF2Iterations}
	app := cli.NewApp()
	app.Name = "step-ca"
	app.Commands = []cli.Command{
		commands.AppCommand,
		{Name: "init", Action: initialise, Flags: []cli.Flag{password, provisioner,
			cli.StringFlag{Name: "provisioner-password-file"},
			cli.StringFlag{Name: "name", Value: "Test"},
			cli.StringFlag{Name: "address", Value: "127.0.0.1:9000"},
			cli.StringFlag{Name: "dns", Value: "127.0.0.1,localhost"}}},
		{Name: "key", Action: makeKey, Flags: []cli.Flag{password, iterations,
			cli.StringFlag{Name: "kty", Value: "EC"}, cli.StringFlag{Name: "crv", Value: "P-256"},
			cli.StringFlag{Name: "alg"}}},
		{Name: "open", Action: showKey, Flags: []cli.Flag{password}},
		{Name: "seal", Action: sealKey, Flags: []cli.Flag{password, iterations,
			cli.StringFlag{Name: "old-password-file"}}},
		{Name: "issue", Action: issue, Flags: []cli.Flag{password, provisioner,
			cli.StringFlag{Name: "url"}, cli.StringFlag{Name: "root"}, cli.StringFlag{Name: "folder"},
			cli.IntFlag{Name: "count", Value: 1}, cli.IntFlag{Name: "at-once", Value: 4}}},
	}
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "step-ca:", err)
		os.Exit(1)
	}
}
