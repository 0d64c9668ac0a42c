/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_KEEPER_H
#define CHAIN_KEEPER_H
/*
 * The keeper: the sealing side of a chain, a process of its own that alone holds the keys. It opens
 * the log, syncs the segment, reads back what is on the disk with the verifier's own parser,
 * hashes it, seals, publishes, and opens new segments. From the side that parses events it takes
 * nothing but the fixed messages below, so whoever takes that side over can have entries sealed
 * but never a root that is not that of the file.
 *
 * Messages are whole structs over SOCK_SEQPACKET between two ends of one program; one of another
 * length is fatal. HELLO is answered by OPENED, then NEWS of the first segment; each REQUEST by one
 * NEWS or more, the last of them with its turn. Descriptors come along: the directory (it holds
 * the writer's lock) with HELLO and OPENED, the segment with the first NEWS that names it.
 *
 * When the other side is gone without ASK_QUIT it was killed: what it wrote is sealed, as far as it
 * is whole, before the keeper ends.
 */
#include <limits.h>
#include <stdbool.h>

#include "chain/chain.h"

#define KEEPER_SOCKET 3 /* descriptor of the socket in a process of its own */

/* May a log be made? */
enum log_making { MAKE_IF_NONE, MAKE_NEW, MAKE_NEVER };

struct keeper_hello {
	uint32_t making; /* enum log_making; MAKE_NEW: one that is there already is an error */
	uint8_t machine[16];
	char name[CHAIN_NAME_MAX + 1];
	char dir[PATH_MAX];
};

struct keeper_opened {
	int32_t error;	  /* -errno: no log; why says so */
	uint32_t process; /* the keeper's */
	struct chain_opened opened;
	uint64_t kept; /* entries there are */
	struct chain_error why;
};

enum keeper_what {
	ASK_SYNC = 1,
	ASK_SEAL = 2,
	ASK_CLOSE = 4, /* with ASK_SEAL: set the CLOSE flag */
	ASK_NOTE = 8,
	ASK_SEGMENT = 16, /* go on in a new segment */
	ASK_RECOVER = 32, /* a write failed: the same, from the last synced block on */
	ASK_QUIT = 64,	  /* end at once, seal nothing */
};

/* For the first entries entries, which lie in the first bytes bytes of that segment. */
struct keeper_request {
	uint32_t what; /* of enum keeper_what */
	uint32_t turn; /* counts requests */
	uint64_t segment, entries, bytes;
};

/* A segment as the writing side needs it. */
struct open_segment {
	uint64_t number;
	uint64_t first;
	uint64_t prev_len;
	uint64_t dead_len; /* bytes of the one before that do not count */
	uint32_t reason;   /* enum recovery_reason, 0: nothing went wrong */
	uint32_t header_len;
	uint64_t sealed; /* entries under a seal when it was opened */
	uint8_t dead_hash[CHAIN_HASH];
	uint8_t old_boot[16]; /* of the run before, where that is known */
};

struct keeper_news {
	uint32_t turn;	  /* of the last request served */
	int32_t error;	  /* the keeper refuses to go on; why says so */
	uint64_t durable; /* entries known to be on the disk */
	uint64_t sealed;  /* entries under a durable seal */
	uint64_t seal;	  /* its number */
	uint8_t root[CHAIN_HASH];
	struct open_segment segment;
	char why[256];
};

/*
 * Be the keeper at this end of a socket until the other is gone; takes the socket over. 0, or the
 * -errno that ended it, which the other side was told.
 */
int keeper_serve(int socket);

/* Send one message, with a descriptor unless fd is -1. -EAGAIN when the other side is slow. */
int message_send(int socket, const void *message, size_t len, int fd, int flags);

/* Receive one message of exactly len bytes. 1, 0 when the other side is gone, -EAGAIN, -EPROTO for
 * another length. *ret_fd: the descriptor that came along, or -1; pass NULL where none may. */
int message_receive(int socket, void *message, size_t len, int *ret_fd, int flags);

#endif
