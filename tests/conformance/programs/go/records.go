// Is a source of external-dns: `records NAME` writes its address, then answers each connection with the record of a name. Each
// answer has another IP address, as after each start of a load balancer.
package main

import (
	"encoding/gob"
	"fmt"
	"log"
	"net"
	"os"
)

// endpoint has the names of external-dns's own type, by which gob matches fields.
type endpoint struct {
	DNSName    string
	Targets    []string
	RecordType string
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	for number := 1; ; number = number%254 + 1 {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		record := endpoint{os.Args[1], []string{fmt.Sprintf("192.0.2.%d", number)}, "A"}
		if err := gob.NewEncoder(connection).Encode([]endpoint{record}); err != nil {
			log.Fatal(err)
		}
		connection.Close()
	}
}
