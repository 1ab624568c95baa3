// Load for test_upgrades.py through Go's pool; see load.js, which says what is done and printed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

var lock sync.Mutex
var acknowledged, unknown = []int64{}, map[int64]bool{}
var errors, wrong, violations = map[string]int{}, []string{}, 0
var stop int32

func code(err error) string {
	if refused, ok := err.(*mysql.MySQLError); ok {
		return fmt.Sprint(refused.Number)
	}
	return err.Error()
}

func transaction(db *sql.DB, number int64, long bool) error {
	inside := func(err error) error {
		if err != nil {
			lock.Lock()
			wrong = append(wrong, "inside a transaction: "+err.Error())
			lock.Unlock()
		}
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if _, err = tx.Exec("INSERT INTO takeover_numbers VALUES (?, 1)", number); err != nil {
		tx.Rollback()
		return inside(err)
	}
	if long {
		time.Sleep(time.Duration(rand.Intn(100)) * time.Millisecond)
	}
	var one int
	if err = tx.QueryRow("SELECT 1 FROM clinical_data.patients LIMIT 1").Scan(&one); err != nil && err != sql.ErrNoRows {
		tx.Rollback()
		return inside(err)
	}
	lock.Lock()
	violations++
	lock.Unlock()
	if _, err = tx.Exec("INSERT INTO takeover_numbers VALUES (?, 2)", number); err != nil {
		tx.Rollback()
		return inside(err)
	}
	lock.Lock()
	unknown[number] = true
	lock.Unlock()
	if err = tx.Commit(); err != nil {
		return inside(err)
	}
	lock.Lock()
	delete(unknown, number)
	acknowledged = append(acknowledged, number)
	lock.Unlock()
	return nil
}

func main() {
	a := os.Args[1:]
	base, _ := strconv.ParseInt(a[5], 10, 64)
	clients, _ := strconv.Atoi(a[6])
	source := fmt.Sprintf("%s:%s@tcp(127.0.0.1:%s)/%s?maxAllowedPacket=0", a[1], a[2], a[0], a[3])
	if a[4] != "-" {
		pem, _ := os.ReadFile(a[4])
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		mysql.RegisterTLSConfig("own", &tls.Config{RootCAs: pool, ServerName: "localhost"})
		source += "&tls=own"
	}
	db, err := sql.Open("mysql", source)
	if err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for done := int64(0); atomic.LoadInt32(&stop) == 0; done++ {
				if rand.Float64() < 0.3 {
					time.Sleep(time.Duration(rand.Intn(50)) * time.Millisecond)
				}
				if err := transaction(db, base+int64(i)*1000000+done, i%2 == 1); err != nil {
					lock.Lock()
					errors[code(err)]++
					lock.Unlock()
				}
			}
		}(i)
	}
	io.Copy(io.Discard, os.Stdin)
	atomic.StoreInt32(&stop, 1)
	all.Wait()
	left := []int64{}
	for number := range unknown {
		left = append(left, number)
	}
	text, _ := json.Marshal(map[string]interface{}{"acknowledged": acknowledged, "unknown": left,
		"errors": errors, "wrong": wrong, "violations": violations})
	fmt.Println(string(text))
}
