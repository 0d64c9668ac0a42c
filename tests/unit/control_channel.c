// SPDX-License-Identifier: Apache-2.0
/* The channel between commands and the collector: canonical messages, and a server that no client
 * can hold up, whatever it sends or does not send. */
#define _GNU_SOURCE
#include "base_fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/channel.h"

#define MS 1000000ull

static char root[64], dir[400], keys[420];
static struct control_server *server;

static void use_dir(const char *name)
{
	snprintf(dir, sizeof(dir), "%s/%s", root, name);
	snprintf(keys, sizeof(keys), "%s.keys", dir);
	ck_assert_int_eq(mkdir(keys, 0700), 0);
}

static void setup(void)
{
	strcpy(root, "/tmp/control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	use_dir("D");
	ck_assert_int_eq(control_listen(&server, dir), 0);
}

static void teardown(void)
{
	control_close(server);
	server = NULL;
	rmdir(keys);
	rmdir(root);
}

static struct control_message sample(void)
{
	struct control_message m = { .type = 7, .result = -28, .number = { 1, UINT64_MAX } };

	memset(m.root, 0xab, sizeof(m.root));
	strcpy(m.place, "/mnt/far");
	strcpy(m.why, "no room");
	return m;
}

static void assert_same(const struct control_message *a, const struct control_message *b)
{
	ck_assert_uint_eq(a->type, b->type);
	ck_assert_int_eq(a->result, b->result);
	ck_assert_mem_eq(a->number, b->number, sizeof(a->number));
	ck_assert_mem_eq(a->root, b->root, sizeof(a->root));
	ck_assert_str_eq(a->place, b->place);
	ck_assert_str_eq(a->why, b->why);
}

/* --- messages --------------------------------------------------------------------------------- */

START_TEST(message_round_trip)
{
	struct control_message m = sample(), got;
	uint8_t bytes[CONTROL_LEN];

	control_encode(&m, bytes);
	ck_assert_int_eq(control_decode(bytes_of(bytes, sizeof(bytes)), &got), 0);
	assert_same(&m, &got);
	memset(m.place, 'p', CONTROL_PLACE_MAX);
	memset(m.why, 'w', CONTROL_WHY_MAX);
	m.place[CONTROL_PLACE_MAX] = m.why[CONTROL_WHY_MAX] = 0;
	m.result = INT32_MIN;
	control_encode(&m, bytes);
	ck_assert_int_eq(control_decode(bytes_of(bytes, sizeof(bytes)), &got), 0);
	assert_same(&m, &got);
}
END_TEST

/* What decodes encodes to the same bytes: so no other byte may differ. */
START_TEST(every_flipped_bit_is_refused_or_read)
{
	struct control_message m = sample(), got;
	uint8_t bytes[CONTROL_LEN], again[CONTROL_LEN];
	unsigned refused = 0;

	control_encode(&m, bytes);
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (control_decode(bytes_of(bytes, sizeof(bytes)), &got) == 0) {
			control_encode(&got, again);
			ck_assert_mem_eq(again, bytes, sizeof(bytes));
			ck_assert_uint_lt(bit / 8, 72 + 1024 + 7);
		} else {
			refused++;
		}
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* all of magic, zeros, lengths and padding, and a result that is not an error */
	ck_assert_uint_ge(refused, 8 * (8 + 4 + 1016 + 633 + 312));
	ck_assert_int_eq(control_decode(bytes_of(bytes, sizeof(bytes) - 1), &got), -EBADMSG);
	ck_assert_int_eq(control_decode(bytes_of(NULL, 0), &got), -EBADMSG);
	bytes[8] = 0;
	ck_assert_int_eq(control_decode(bytes_of(bytes, sizeof(bytes)), &got), -EBADMSG);
}
END_TEST

/* --- the server ------------------------------------------------------------------------------- */

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control", keys);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_hung_up(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static int receive(uint64_t now, struct control_message *ret)
{
	struct control_peer peer;
	int got = control_receive(server, now, ret, &peer);

	if (got) {
		ck_assert_uint_eq(peer.uid, geteuid());
		ck_assert_uint_eq(peer.pid, (uint32_t)getpid());
	}
	return got;
}

/* A good request is heard, whatever went before. */
static void assert_serves(uint64_t now)
{
	struct control_message m = sample(), got;
	uint8_t bytes[CONTROL_LEN];
	int fd = connect_raw();

	control_encode(&m, bytes);
	ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), CONTROL_LEN);
	ck_assert_int_eq(receive(now, &got), 1);
	assert_same(&m, &got);
	got.type |= CONTROL_REPLY;
	got.result = -5;
	control_answer(server, &got);
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), CONTROL_LEN);
	ck_assert_int_eq(control_decode(bytes_of(bytes, sizeof(bytes)), &m), 0);
	assert_same(&m, &got);
	ck_assert(is_hung_up(fd));
	close(fd);
}

START_TEST(request_and_answer)
{
	struct control_message m;

	ck_assert_int_eq(receive(0, &m), 0);
	assert_serves(0);
	assert_serves(0);
}
END_TEST

START_TEST(hostile_bytes_are_hung_up_on)
{
	static uint8_t bytes[CONTROL_LEN * 4];
	static const size_t lengths[] = {
		1, 8, CONTROL_LEN - 1, CONTROL_LEN, CONTROL_LEN + 1, CONTROL_LEN * 4
	};
	uint64_t seed = 1;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (int turn = 0; turn < 20; turn++) {
			struct control_message m = sample(), untouched;
			int fd = connect_raw();

			memset(&untouched, 0x5a, sizeof(untouched));
			chance_bytes(&seed, bytes, sizeof(bytes));
			if (turn % 2) { /* nearly right */
				control_encode(&m, bytes);
				if (lengths[i] == CONTROL_LEN)
					bytes[1736 + chance_below(&seed, 312)] ^= 1;
			}
			ck_assert_int_eq(send(fd, bytes, lengths[i], 0), (ssize_t)lengths[i]);
			ck_assert_int_eq(receive(0, &untouched), 0);
			ck_assert(is_hung_up(fd));
			close(fd);
		}
	}
	assert_serves(0);
}
END_TEST

START_TEST(an_answer_is_no_request)
{
	struct control_message m = sample();
	uint8_t bytes[CONTROL_LEN];
	int fd = connect_raw();

	m.type |= CONTROL_REPLY;
	control_encode(&m, bytes);
	ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), CONTROL_LEN);
	ck_assert_int_eq(receive(0, &m), 0);
	ck_assert(is_hung_up(fd));
	close(fd);
}
END_TEST

/* Who says nothing has two seconds; the next in line waits no longer than that. */
START_TEST(slow_client)
{
	struct control_message m;
	int slow = connect_raw();

	ck_assert_int_eq(receive(1000 * MS, &m), 0);
	ck_assert(control_has_client(server));
	ck_assert_int_eq(receive(2999 * MS, &m), 0);
	ck_assert(!is_hung_up(slow));
	ck_assert_int_eq(receive(3000 * MS, &m), 0);
	ck_assert(is_hung_up(slow));
	ck_assert(!control_has_client(server));
	close(slow);
	assert_serves(3000 * MS);
}
END_TEST

START_TEST(client_that_goes_away)
{
	struct control_message m = sample();
	uint8_t bytes[CONTROL_LEN];
	int fd = connect_raw();

	ck_assert_int_eq(receive(0, &m), 0);
	close(fd);
	ck_assert_int_eq(receive(0, &m), 0);
	ck_assert(!control_has_client(server));
	fd = connect_raw();
	m = sample();
	control_encode(&m, bytes);
	ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), CONTROL_LEN);
	close(fd);
	ck_assert_int_eq(receive(0, &m), 1);
	control_answer(server, &m); /* no signal, no error */
	assert_serves(0);
}
END_TEST

/* One at a time, and no second request of one that waits for its answer. */
START_TEST(one_at_a_time)
{
	struct control_message m = sample(), got;
	uint8_t bytes[CONTROL_LEN];
	int first = connect_raw(), second = connect_raw();

	control_encode(&m, bytes);
	ck_assert_int_eq(send(first, bytes, sizeof(bytes), 0), CONTROL_LEN);
	ck_assert_int_eq(send(first, bytes, sizeof(bytes), 0), CONTROL_LEN);
	ck_assert_int_eq(send(second, bytes, sizeof(bytes), 0), CONTROL_LEN);
	ck_assert_int_eq(receive(0, &got), 1);
	ck_assert_int_eq(receive(0, &got), 0);
	ck_assert_int_eq(receive(9000 * MS, &got), 0);
	control_answer(server, &m);
	ck_assert_int_eq(receive(0, &got), 1);
	control_answer(server, &m);
	ck_assert_int_eq(receive(0, &got), 0);
	ck_assert_int_eq(recv(second, bytes, sizeof(bytes), 0), CONTROL_LEN);
	close(first);
	close(second);
}
END_TEST

/* The kernel tells who is there: another user is turned away before a byte is read. */
START_TEST(another_user_is_refused)
{
	struct control_message m;
	int status, go[2];
	pid_t child;

	if (geteuid() != 0) {
		printf("SKIP another_user_is_refused: needs root\n");
		return;
	}
	ck_assert_int_eq(chmod(root, 0755) | chmod(keys, 0755), 0);
	ck_assert_int_eq(chmod(root, 0755), 0);
	{
		char path[512];

		snprintf(path, sizeof(path), "%s/control", keys);
		ck_assert_int_eq(chmod(path, 0666), 0);
	}
	ck_assert_int_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		uint8_t bytes[CONTROL_LEN];
		int fd;

		m = sample();
		control_encode(&m, bytes);
		if (setresuid(65534, 65534, 65534))
			_exit(3);
		fd = connect_raw();
		if (send(fd, bytes, sizeof(bytes), 0) != CONTROL_LEN || write(go[1], "g", 1) != 1)
			_exit(4);
		_exit(recv(fd, bytes, 1, 0) <= 0 ? 0 : 5); /* waits until hung up on */
	}
	ck_assert_int_eq(read(go[0], &status, 1), 1);
	ck_assert_int_eq(receive(0, &m), 0);
	ck_assert(!control_has_client(server));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(go[0]);
	close(go[1]);
	assert_serves(0);
}
END_TEST

/* --- the asking side -------------------------------------------------------------------------- */

static volatile int lie; /* what the server thread answers */

static void *serve(void *arg)
{
	struct control_message m;
	struct control_peer peer;

	(void)arg;
	while (!control_receive(server, 0, &m, &peer))
		usleep(1000);
	if (lie == 0)
		m.type |= CONTROL_REPLY;
	if (lie < 2)
		control_answer(server, &m);
	return NULL;
}

START_TEST(asking)
{
	struct control_message m = sample(), reply;
	pthread_t thread;

	lie = 0;
	pthread_create(&thread, NULL, serve, NULL);
	ck_assert_int_eq(control_ask(dir, &m, 10, &reply), 0);
	pthread_join(thread, NULL);
	m.type |= CONTROL_REPLY;
	assert_same(&m, &reply);
	m = sample();
	lie = 1; /* no reply to that */
	pthread_create(&thread, NULL, serve, NULL);
	ck_assert_int_eq(control_ask(dir, &m, 10, &reply), -EBADMSG);
	pthread_join(thread, NULL);
	lie = 2; /* none at all */
	pthread_create(&thread, NULL, serve, NULL);
	ck_assert_int_eq(control_ask(dir, &m, 1, &reply), -ETIMEDOUT);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(nobody_listens)
{
	struct control_message m = sample(), reply;
	char path[512];
	int fd;

	control_close(server);
	server = NULL;
	ck_assert_int_eq(control_ask(dir, &m, 1, &reply), -ECONNREFUSED);
	ck_assert_int_eq(control_ask("/tmp/there-is-no-such-chain", &m, 1, &reply), -ECONNREFUSED);
	/* a dead one's socket is there: refused, and replaced by who comes next */
	ck_assert_int_eq(control_listen(&server, dir), 0);
	snprintf(path, sizeof(path), "%s/control", keys);
	{
		char kept[512];

		snprintf(kept, sizeof(kept), "%s/kept", keys);
		ck_assert_int_eq(rename(path, kept), 0);
		control_close(server);
		server = NULL;
		ck_assert_int_eq(rename(kept, path), 0);
	}
	ck_assert_int_eq(control_ask(dir, &m, 1, &reply), -ECONNREFUSED);
	ck_assert_int_eq(control_listen(&server, dir), 0);
	assert_serves(0);
	/* and so is a plain file */
	control_close(server);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(control_listen(&server, dir), 0);
	assert_serves(0);
}
END_TEST

START_TEST(long_path)
{
	char name[201];
	struct control_message m = sample(), reply;
	pthread_t thread;

	control_close(server);
	rmdir(keys);
	memset(name, 'x', 200);
	name[200] = 0;
	use_dir(name);
	ck_assert_int_eq(control_listen(&server, dir), 0);
	lie = 0;
	pthread_create(&thread, NULL, serve, NULL);
	strcat(dir, "//");
	ck_assert_int_eq(control_ask(dir, &m, 10, &reply), 0);
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		message_round_trip,	 every_flipped_bit_is_refused_or_read,
		request_and_answer,	 hostile_bytes_are_hung_up_on,
		an_answer_is_no_request, slow_client,
		client_that_goes_away,	 one_at_a_time,
		another_user_is_refused, asking,
		nobody_listens,		 long_path,
	};

	return RUN_TESTS_WITH("control_channel", tests, setup, teardown);
}
