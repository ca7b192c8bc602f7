// Command issuer is an OpenID Connect issuer for tests, as far as verifiers of tokens look at one: a
// discovery document and a key set by HTTPS. Whoever can read its key makes tokens of it.
//
//	issuer serve --key FILE --tls-cert FILE --tls-key FILE
//	issuer token --key FILE [--for TIME] [--audience NAME] [--claims JSON] E-MAIL [GROUP…]
//
// The key is an EC P-256 key in PKCS #8 and PEM. It is read anew for each answer: a test that replaces
// the file rotates it.
package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"net/http"
	"os"
	"time"
)

const address = "10.244.0.1:5556"
const url = "https://" + address

type object = map[string]any

func main() {
	log.SetFlags(0)
	log.SetPrefix("issuer: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: issuer serve|token …")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	key := flags.String("key", "", "file of the signing key")
	var err error
	switch os.Args[1] {
	case "serve":
		certificate := flags.String("tls-cert", "", "file of the server's certificate")
		certificateKey := flags.String("tls-key", "", "file of its key")
		flags.Parse(os.Args[2:])
		err = serve(*key, *certificate, *certificateKey)
	case "token":
		lifetime := flags.Duration("for", time.Hour, "how long it is good; less than nothing is expired")
		audience := flags.String("audience", "portcullis", "whom it is for")
		claims := flags.String("claims", "{}", "what else it says, or says otherwise")
		flags.Parse(os.Args[2:])
		if flags.NArg() == 0 {
			log.Fatal("whose token?")
		}
		said := object{
			"iss":    url,
			"aud":    *audience,
			"sub":    fmt.Sprintf("%x", sha256.Sum256([]byte(flags.Arg(0))))[:16],
			"email":  flags.Arg(0),
			"groups": flags.Args()[1:],
			"iat":    time.Now().Unix(),
			"exp":    time.Now().Add(*lifetime).Unix(),
		}
		err = printToken(*key, said, *claims)
	default:
		err = fmt.Errorf("no command is named %q", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(keyFile, certificate, certificateKey string) error {
	answer := func(path string, body func() (any, error)) {
		http.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			said, err := body()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(said)
		})
	}
	answer("/.well-known/openid-configuration", func() (any, error) {
		return object{
			"issuer":                                url,
			"jwks_uri":                              url + "/keys",
			"authorization_endpoint":                url + "/none",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"ES256"},
		}, nil
	})
	answer("/keys", func() (any, error) {
		key, err := readKey(keyFile)
		if err != nil {
			return nil, err
		}
		public, err := publicJWK(key)
		return object{"keys": []object{public}}, err
	})
	return http.ListenAndServeTLS(address, certificate, certificateKey, nil)
}

func printToken(keyFile string, claims object, more string) error {
	key, err := readKey(keyFile)
	if err != nil {
		return err
	}
	public, err := publicJWK(key)
	if err != nil {
		return err
	}
	var others object
	if err := json.Unmarshal([]byte(more), &others); err != nil {
		return err
	}
	maps.Copy(claims, others)
	signed, err := encoded(object{"alg": "ES256", "typ": "JWT", "kid": public["kid"]})
	if err != nil {
		return err
	}
	body, err := encoded(claims)
	if err != nil {
		return err
	}
	signed += "." + body
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return err
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	fmt.Println(signed + "." + text(signature))
	return nil
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("the key is not in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not an elliptic one")
	}
	return key, nil
}

// publicJWK is what verifiers may know of the key, under an id that changes with it.
func publicJWK(key *ecdsa.PrivateKey) (object, error) {
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(point)
	return object{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
		"kid": text(id[:8]), "x": text(point[1:33]), "y": text(point[33:]),
	}, nil
}

func encoded(part object) (string, error) {
	content, err := json.Marshal(part)
	return text(content), err
}

func text(content []byte) string { return base64.RawURLEncoding.EncodeToString(content) }
