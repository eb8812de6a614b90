// Uses the solver with which cert-manager proves a domain: adds the record of an ACME challenge to a zone, and deletes it.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/clouddns"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/dns/v1"
	"google.golang.org/api/option"
)

const (
	zone  = "shop"
	value = "validation"
)

func main() {
	if err := run(context.Background(), os.Getenv("PROJECT"), os.Getenv("NAME")+".shop.example.com."); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, project, domain string) error {
	// As for an issuer without `serviceAccountSecretRef`. The name of the zone spares a search by name servers.
	solver, err := clouddns.NewDNSProvider(ctx, project, nil, nil, true, zone)
	if err != nil {
		return err
	}
	client, err := google.DefaultClient(ctx, dns.NdevClouddnsReadonlyScope)
	if err != nil {
		return err
	}
	service, err := dns.NewService(ctx, option.WithHTTPClient(client))
	if err != nil {
		return err
	}
	name := "_acme-challenge." + domain
	list := service.ResourceRecordSets.List(project, zone).Name(name).Type("TXT")
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		if err := solve(ctx, solver, list, domain, name); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// solve does what the controller does for a challenge, and prints the records of its name after each step.
func solve(ctx context.Context, solver *clouddns.DNSProvider, list *dns.ResourceRecordSetsListCall, domain, name string) error {
	if err := solver.Present(ctx, domain, name, value); err != nil {
		return err
	}
	added, err := list.Do()
	if err != nil {
		return err
	}
	if err := solver.CleanUp(ctx, domain, name, value); err != nil {
		return err
	}
	left, err := list.Do()
	if err != nil {
		return err
	}
	for _, record := range added.Rrsets {
		fmt.Printf("%s %s, %d left\n", record.Name, record.Rrdatas, len(left.Rrsets))
	}
	return nil
}
