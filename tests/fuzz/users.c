// SPDX-License-Identifier: Apache-2.0
/* A passwd file of any content: names, shells and bindings stay consistent, now and re-read. */
#include "attribute/users.h"

#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

/* On a file system in memory where there is one. */
static void write_file(const uint8_t *data, size_t size)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void use_names(struct users *users)
{
	static const uint32_t uids[] = {
		0, 1, 2, 10, 33, 1000, 1001, 65534, 4294967294, 4294967295
	};
	struct bytes name;
	uint32_t uid;

	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		struct bytes of_uid = text_bytes(users_name(users, uids[i]));

		CHECK(of_uid.len == 0 || (!memchr(of_uid.data, ':', of_uid.len) &&
					  !memchr(of_uid.data, '\n', of_uid.len)));
		CHECK(of_uid.len || !users_can_log_in(users, uids[i]));
	}
	while (users_next_binding(users, &uid, &name))
		CHECK(bytes_equal(name, text_bytes(users_name(users, uid))));
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++)
		users_name(users, uids[i]);
	CHECK(!users_next_binding(users, &uid, &name)); /* once is enough */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct users *users;

	snprintf(path, sizeof(path), "%s/indelible-fuzz-%d",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", getpid());
	write_file(data, size);
	CHECK(users_open(&users, path) == 0);
	use_names(users);
	write_file(data, size / 2);
	users_refresh(users);
	use_names(users);
	users_close(users);
	unlink(path);
	return 0;
}
