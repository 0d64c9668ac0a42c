// SPDX-License-Identifier: Apache-2.0
/* Containers and units from the text of /proc/PID/cgroup, as the runtimes write it. */
#include "base_fuzz.h"

#include "../fuzz/place_of.c"

#define HEX   "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
#define OTHER "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
#define UID   "1d0ff866-8ef5-41f5-a2ee-0c1ddcd4c280"
#define UID_  "1d0ff866_8ef5_41f5_a2ee_0c1ddcd4c280"

static const char *text_of(struct bytes b)
{
	static char text[2][512];
	static int turn;

	turn = !turn;
	snprintf(text[turn], sizeof(text[0]), "%.*s", (int)b.len, b.len ? (char *)b.data : "");
	return text[turn];
}

static void assert_place(const char *cgroups, const char *container, const char *unit)
{
	struct place p = place_of(bytes_of_text(cgroups));

	ck_assert_msg(!strcmp(text_of(p.container), container), "container '%s' in %s",
		      text_of(p.container), cgroups);
	ck_assert_msg(!strcmp(text_of(p.unit), unit), "unit '%s' in %s", text_of(p.unit), cgroups);
}

/* The same path in a v2, a v1 and a hybrid text. */
static void assert_path(const char *path, const char *container, const char *unit)
{
	char text[4096];

	snprintf(text, sizeof(text), "0::%s\n", path);
	assert_place(text, container, unit);
	snprintf(text, sizeof(text), "0::%s", path); /* cut off */
	assert_place(text, container, unit);
	snprintf(text, sizeof(text),
		 "12:rdma:/\n11:cpu,cpuacct:%s\n10:pids:%s\n1:name=systemd:%s\n", path, path, path);
	assert_place(text, container, unit);
	snprintf(text, sizeof(text), "4:memory:/\n1:name=systemd:%s\n0::%s\n", path, path);
	assert_place(text, container, unit);
}

START_TEST(docker)
{
	assert_path("/system.slice/docker-" HEX ".scope", HEX, "");
	assert_path("/docker/" HEX, HEX, "");
	assert_path("/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" HEX ".scope",
		    HEX, "user@1000.service");
}
END_TEST

START_TEST(containerd_in_kubernetes)
{
	assert_path("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
		    ".slice/cri-containerd-" HEX ".scope",
		    HEX, "");
	assert_path("/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" HEX ".scope", HEX,
		    "");
	assert_path("/kubepods/burstable/pod" UID "/" HEX, HEX, "");
	assert_path("/kubepods/besteffort/pod" UID "/" HEX, HEX, "");
	assert_path("/kubepods/pod" UID "/" HEX, HEX, "");
	/* a static pod: its uid is a hash */
	assert_path("/kubepods/burstable/pod465a9fc10de944cdb22c7e6b23fd75f8/" HEX, HEX, "");
	/* kind: everything below the kubelet's own group */
	assert_path("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
		    ".slice/cri-containerd-" HEX ".scope",
		    HEX, "");
	assert_path("/kubelet/kubepods/besteffort/pod" UID "/" HEX, HEX, "");
}
END_TEST

START_TEST(containerd_alone)
{
	assert_path("/default/" HEX, HEX, "");
	assert_path("/k8s.io/" HEX, HEX, "");
	assert_path("/system.slice/nerdctl-" HEX ".scope", HEX, "");
}
END_TEST

START_TEST(crio)
{
	assert_path("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
		    ".slice/crio-" HEX ".scope",
		    HEX, "");
	assert_path("/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" HEX ".scope/container", HEX,
		    "");
	assert_path("/kubepods/burstable/pod" UID "/crio-" HEX, HEX, ""); /* cgroupfs */
	assert_path("/crio/crio-" HEX, HEX, "");
}
END_TEST

START_TEST(podman)
{
	assert_path("/machine.slice/libpod-" HEX ".scope", HEX, "");
	assert_path("/machine.slice/libpod-" HEX ".scope/container", HEX, "");
	assert_path("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" HEX ".scope",
		    HEX, "user@1000.service");
	assert_path("/libpod_parent/libpod-" HEX, HEX, ""); /* cgroupfs */
	assert_path("/libpod_parent/libpod-" HEX "/system.slice/nginx.service", HEX,
		    "nginx.service");
}
END_TEST

START_TEST(docker_in_kubernetes)
{
	assert_path("/kubepods/burstable/pod" UID "/" HEX, HEX, "");
	assert_path("/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" HEX ".scope", HEX, "");
}
END_TEST

START_TEST(of_nested_containers_the_outermost_counts)
{
	assert_path("/docker/" HEX "/docker/" OTHER, HEX, "");
	assert_path("/kubepods/pod" UID "/" HEX "/docker/" OTHER, HEX, "");
	assert_path("/system.slice/docker-" HEX ".scope/system.slice/docker-" OTHER ".scope", HEX,
		    "");
	assert_path("/docker/" HEX "/kubelet.slice/kubelet-kubepods-pod" UID_
		    ".slice/cri-containerd-" OTHER ".scope",
		    HEX, "");
}
END_TEST

START_TEST(units)
{
	assert_path("/system.slice/ssh.service", "", "ssh.service");
	assert_path("/system.slice/system-getty.slice/getty@tty1.service", "",
		    "getty@tty1.service");
	assert_path("/user.slice/user-1000.slice/session-3.scope", "", "");
	assert_path("/user.slice/user-1000.slice/user@1000.service/app.slice/evil.service", "",
		    "user@1000.service");
	assert_path("/init.scope", "", "");
	assert_path("/", "", "");
	assert_path("/system.slice/docker-" HEX ".scope/system.slice/nginx.service", HEX,
		    "nginx.service");
}
END_TEST

START_TEST(forged_names_are_no_container)
{
	static const char *const paths[] = {
		"/" HEX,
		"/user.slice/" HEX,
		"/user.slice/user-1000.slice/" HEX,
		"/system.slice/" HEX,
		"/docker",
		"/docker/",
		"/docker/4f797c539e6c",
		"/docker/" HEX "0", /* 65 digits */
		"/docker/4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c3842814297", /* 63 */
		"/docker/4F797C539E6C745DE61A93CA3FF892358ECBCACCD8414D5DB545C38428142970",
		"/docker/4g797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970",
		"/docker-evil/" HEX,
		"/podcast/" HEX,
		"/pod/" HEX,
		"/podman/" HEX,
		"/pod" UID "x/" HEX,
		"/kubepods-" HEX "/" HEX,
		"/xdocker/" HEX,
		"/system.slice/docker-" HEX, /* a scope, and not in docker/ */
		"/system.slice/docker-" HEX ".scop",
		"/system.slice/docker-" HEX ".scope.d",
		"/system.slice/docker-0" HEX ".scope",
		"/system.slice/mydocker-" HEX ".scope",
		"/system.slice/libpod-conmon-" HEX ".scope",
		"/kubepods/pod" UID "/crio-conmon-" HEX,
		"/user.slice/libpod-" HEX,
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_path(paths[i], "", "");
	assert_path("/system.slice/docker-agent.service", "", "docker-agent.service");
	assert_path("/system.slice/docker-" HEX ".service", "", "docker-" HEX ".service");
}
END_TEST

START_TEST(odd_texts)
{
	assert_place("", "", "");
	assert_place("\n\n\n", "", "");
	assert_place("0::", "", "");
	assert_place("/docker/" HEX "\n", "", ""); /* no hierarchy, no controllers */
	assert_place("0:/docker/" HEX "\n", "", "");
	assert_place("0::docker/" HEX "\n", HEX, "");
	assert_place("0:://docker//" HEX "/\n", HEX, "");
	assert_place("0::/a:b/docker/" HEX "\n", HEX, ""); /* a path may hold colons */
	assert_place("0::/docker\n0::/" HEX "\n", "", ""); /* no path goes on in the next line */
	assert_place("0::/\n12:pids:/docker/" HEX "\n", HEX, "");
	assert_place("2:cpu:/docker/" HEX "\n1:pids:/docker/" OTHER "\n", HEX, "");
	ck_assert_uint_eq(place_of(bytes_of(NULL, 0)).container.len, 0);
}
END_TEST

START_TEST(no_text_breaks_it)
{
	static const char *const seeds[] = {
		"0::/kubepods/burstable/pod" UID "/" HEX "\n",
		"12:pids:/docker/" HEX "\n1:name=systemd:/system.slice/docker-" HEX ".scope\n",
		"0::/libpod_parent/libpod-" HEX "/a.service\n",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_around(LLVMFuzzerTestOneInput, seeds[i], strlen(seeds[i]), 3000);
	fuzz_noise(LLVMFuzzerTestOneInput, 300, 2000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		docker,
		containerd_in_kubernetes,
		containerd_alone,
		crio,
		podman,
		docker_in_kubernetes,
		of_nested_containers_the_outermost_counts,
		units,
		forged_names_are_no_container,
		odd_texts,
		no_text_breaks_it,
	};

	return RUN_TESTS("attribute_place", tests);
}
