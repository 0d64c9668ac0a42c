// SPDX-License-Identifier: Apache-2.0

// The other side: golang.org/x/mod's signed notes and transparency logs, which know nothing of us.
// What each word does stands at the table in main; the form of emit and accept in ours.c.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func ensure(good bool, format string, args ...interface{}) {
	if !good {
		check(fmt.Errorf(format, args...))
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(err)
	return data
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return n
}

// --- all pairs -----------------------------------------------------------------------------------

// A log in memory.
type memory struct {
	stored []tlog.Hash
	leaf   []tlog.Hash
	root   []tlog.Hash // of every size
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		hashes[i] = m.stored[x]
	}
	return hashes, nil
}

func (m *memory) add(data []byte) {
	n := int64(len(m.leaf))
	hashes, err := tlog.StoredHashes(n, data, m)
	check(err)
	m.stored = append(m.stored, hashes...)
	m.leaf = append(m.leaf, tlog.RecordHash(data))
	root, err := tlog.TreeHash(n+1, m)
	check(err)
	m.root = append(m.root, root)
}

func leaf(i int) []byte {
	return append(bytes.Repeat([]byte{byte(i)}, 16), strconv.Itoa(i)...)
}

func fill(n int) *memory {
	m := &memory{root: make([]tlog.Hash, 1)}
	for i := 0; i < n; i++ {
		m.add(leaf(i))
	}
	return m
}

func accept(args []string) {
	limit := number(args[0])
	m := fill(int(limit))
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	var storage [256]tlog.Hash
	get := func() []tlog.Hash {
		n, err := in.ReadByte()
		check(err)
		for i := range storage[:n] {
			_, err = io.ReadFull(in, storage[i][:])
			check(err)
		}
		return storage[:n]
	}
	for n := int64(1); n <= limit; n++ {
		var root tlog.Hash
		_, err := io.ReadFull(in, root[:])
		check(err)
		ensure(root == m.root[n], "another root at size %d", n)
		for i := int64(0); i < n; i++ {
			check(tlog.CheckRecord(get(), n, root, i, m.leaf[i]))
		}
		for i := int64(1); i <= n; i++ {
			check(tlog.CheckTree(get(), n, root, i, m.root[i]))
		}
	}
	_, err := in.ReadByte()
	ensure(err == io.EOF, "there is more input than proofs")
	fmt.Printf("%d proofs hold\n", limit*(limit+1))
}

func emit(args []string) {
	limit := number(args[0])
	m := fill(int(limit))
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	put := func(proof []tlog.Hash, err error) {
		check(err)
		check(out.WriteByte(byte(len(proof))))
		for _, hash := range proof {
			_, err = out.Write(hash[:])
			check(err)
		}
	}
	for n := int64(1); n <= limit; n++ {
		_, err := out.Write(m.root[n][:])
		check(err)
		for i := int64(0); i < n; i++ {
			put(tlog.ProveRecord(n, i, m))
		}
		for i := int64(1); i <= n; i++ {
			put(tlog.ProveTree(n, i, m))
		}
	}
	check(out.Flush())
}

// --- notes and proof files -----------------------------------------------------------------------

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func open(vkey string, text []byte) checkpoint {
	verifier, err := note.NewVerifier(strings.TrimSuffix(vkey, "\n"))
	check(err)
	n, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(n.Text, "\n")
	ensure(len(lines) == 4, "a checkpoint of %d lines", len(lines)-1)
	ensure(lines[0] == verifier.Name(), "origin %q", lines[0])
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return checkpoint{lines[0], number(lines[1]), root}
}

// The lines before the blank one, and the checkpoint after it.
func split(vkey string, file []byte) ([]string, checkpoint) {
	i := bytes.Index(file, []byte("\n\n"))
	ensure(i >= 0, "no blank line")
	return strings.Split(string(file[:i]), "\n"), open(vkey, file[i+2:])
}

func hashes(lines []string) (ret []tlog.Hash) {
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		check(err)
		ret = append(ret, hash)
	}
	return ret
}

func openNote(args []string) {
	c := open(string(read(args[0])), read(args[1]))
	fmt.Printf("%s %d %x\n", c.origin, c.size, c.root[:])
}

func openProof(args []string) {
	lines, c := split(string(read(args[0])), read(args[1]))
	ensure(len(lines) >= 3 && lines[0] == "c2sp.org/tlog-proof@v1", "no proof")
	ensure(strings.HasPrefix(lines[1], "extra ") && strings.HasPrefix(lines[2], "index "), "no entry")
	extra, err := base64.StdEncoding.DecodeString(lines[1][6:])
	check(err)
	index := number(lines[2][6:])
	check(tlog.CheckRecord(hashes(lines[3:]), c.size, c.root, index, tlog.RecordHash(extra)))
	fmt.Printf("%d %d %x\n", index, c.size, extra[16:])
}

func openGrowth(args []string) {
	vkey := string(read(args[0]))
	old := open(vkey, read(args[1]))
	lines, c := split(vkey, read(args[2]))
	ensure(lines[0] == fmt.Sprintf("old %d", old.size), "first line %q", lines[0])
	check(tlog.CheckTree(hashes(lines[1:]), c.size, c.root, old.size, old.root))
	fmt.Printf("%d %d\n", old.size, c.size)
}

// --- a log of its own, for our side to check -----------------------------------------------------

// A cosigner as c2sp.org/tlog-cosignature has it.
type witness struct {
	name string
	key  ed25519.PrivateKey
	time uint64
}

func (w witness) public() []byte {
	return append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(w.name+"\n"), w.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (w witness) Sign(msg []byte) ([]byte, error) {
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", w.time, msg)
	stamp := make([]byte, 8)
	binary.BigEndian.PutUint64(stamp, w.time)
	return append(stamp, ed25519.Sign(w.key, []byte(text))...), nil
}

func sign(m *memory, origin string, size int, signers ...note.Signer) []byte {
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, m.root[size])
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	check(err)
	return signed
}

func lines(proof []tlog.Hash) (ret string) {
	for _, hash := range proof {
		ret += hash.String() + "\n"
	}
	return ret + "\n"
}

// DIR N: log.vkey, witness.vkey, and for the log of N leaves its note, cosigned, a proof of each
// leaf under it, and how it grew from half of it.
func makeLog(args []string) {
	dir, n := args[0], int(number(args[1]))
	origin := "oracle.example/log"
	m := fill(n)
	skey, vkey, err := note.GenerateKey(nil, origin)
	check(err)
	signer, err := note.NewSigner(skey)
	check(err)
	_, key, err := ed25519.GenerateKey(nil)
	check(err)
	w := witness{"witness.example/w1", key, 1679315147}
	write := func(name string, data []byte) {
		check(os.WriteFile(filepath.Join(dir, name), data, 0600))
	}
	write("log.vkey", []byte(vkey+"\n"))
	write("witness.vkey", []byte(fmt.Sprintf("%s+%08x+%s\n", w.name, w.KeyHash(),
		base64.StdEncoding.EncodeToString(w.public()))))
	bare := sign(m, origin, n, signer)
	cosigned := sign(m, origin, n, signer, w)
	write("note", bare)
	write("half", sign(m, origin, n/2, signer))
	for i := 0; i < n; i++ {
		proof, err := tlog.ProveRecord(int64(n), int64(i), m)
		check(err)
		text := fmt.Sprintf("c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n%s",
			base64.StdEncoding.EncodeToString(leaf(i)), i, lines(proof))
		write(fmt.Sprintf("proof-%d", i), append([]byte(text), bare...))
		write(fmt.Sprintf("cosigned-%d", i), append([]byte(text), cosigned...))
	}
	proof, err := tlog.ProveTree(int64(n), int64(n/2), m)
	check(err)
	write("growth", append([]byte(fmt.Sprintf("old %d\n%s", n/2, lines(proof))), bare...))
}

// --- a client of tiled logs ----------------------------------------------------------------------

type tiles struct{ dir string }

func (t tiles) Height() int                                { return 8 }
func (t tiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (t tiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.dir, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// Entries [256 n, 256 n + width).
func (t tiles) bundle(n int64, width int64) (ret [][]byte, err error) {
	path := tlog.Tile{H: 8, L: 0, N: n, W: int(width)}.Path()
	data, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(path, "tile/8/0/", "tile/entries/", 1)))
	for err == nil && len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("bundle is cut short")
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		ret = append(ret, data[2:n])
		data = data[n:]
	}
	if err == nil && len(ret) != int(width) {
		err = fmt.Errorf("bundle of %d, not %d entries", len(ret), width)
	}
	return ret, err
}

// DIR: every entry, by the tiles, against the checkpoint.
func readTiles(args []string) {
	t := tiles{args[0]}
	c := open(string(read(filepath.Join(t.dir, "identity.pub"))), read(filepath.Join(t.dir, "checkpoint")))
	reader := tlog.TileHashReader(tlog.Tree{N: c.size, Hash: c.root}, t)
	root, err := tlog.TreeHash(c.size, reader)
	check(err)
	ensure(root == c.root, "another root by the tiles")
	for at := int64(0); at < c.size; at += 256 {
		width := c.size - at
		if width > 256 {
			width = 256
		}
		entries, err := t.bundle(at/256, width)
		check(err)
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, at+int64(i))
		}
		leaves, err := reader.ReadHashes(indexes)
		check(err)
		for i, entry := range entries {
			ensure(tlog.RecordHash(entry) == leaves[i], "entry %d is not its leaf", at+int64(i))
		}
		last := at + width - 1
		proof, err := tlog.ProveRecord(c.size, last, reader)
		check(err)
		check(tlog.CheckRecord(proof, c.size, c.root, last, leaves[width-1]))
	}
	fmt.Printf("%d entries by tiles\n", c.size)
}

func main() {
	words := map[string]func([]string){
		"emit":   emit,       // N
		"accept": accept,     // N
		"note":   openNote,   // VKEY NOTE
		"proof":  openProof,  // VKEY PROOF
		"growth": openGrowth, // VKEY OLD-NOTE PROOF
		"log":    makeLog,    // DIR N
		"tiles":  readTiles,  // DIR
	}
	if len(os.Args) < 3 || words[os.Args[1]] == nil {
		check(errors.New("what?"))
	}
	words[os.Args[1]](os.Args[2:])
}
