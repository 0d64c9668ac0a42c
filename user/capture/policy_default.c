// SPDX-License-Identifier: Apache-2.0
/* What a server records out of the box; `indelible policy --default` prints it. */
#include "capture/policy.h"

static const char text[] =
	"policy 1\n"
	"# Programs, credentials, permissions, logins, changes of the kernel and connections: "
	"all.\n"
	"# Of the opens:\n"
	"opens refused\n"
	"# configuration, programs, schedules, what runs at boot or at login\n"
	"opens write /etc /boot /usr /opt /root\n"
	"opens write /var/spool/cron /var/spool/at /proc/sys /proc/sysrq-trigger /sys/kernel\n"
	"opens write **/.ssh/authorized_keys **/.ssh/rc **/.bashrc **/.bash_profile\n"
	"opens write **/.profile **/.zshrc **/.config/autostart\n"
	"opens none /etc/mtab /root/.cache\n"
	"# the evidence itself\n"
	"opens write /var/lib/indelible /var/lib/indelible.keys\n"
	"# passwords and keys, by whoever reads them\n"
	"opens any **/etc/shadow **/etc/shadow- **/etc/gshadow **/etc/gshadow-\n"
	"opens any **/etc/security/opasswd **/etc/sudoers /etc/ssh/**/ssh_host_*\n"
	"opens any **/.ssh/id_rsa **/.ssh/id_ecdsa **/.ssh/id_ed25519\n"
	"opens any **/.ssh/id_ecdsa_sk **/.ssh/id_ed25519_sk **/.ssh/id_dsa\n"
	"opens any **/.netrc **/.pgpass **/.git-credentials **/.vault-token\n"
	"# of clouds and clusters\n"
	"opens any **/.aws/credentials **/.azure/msal_token_cache.json\n"
	"opens any **/.config/gcloud/credentials.db **/.docker/config.json **/.kube/config\n"
	"opens any **/etc/kubernetes/admin.conf **/var/lib/kubelet/kubeconfig\n"
	"opens any /run/secrets/kubernetes.io/**/token\n"
	"# memory: of other processes, of the machine\n"
	"opens any /proc/**/mem /proc/**/kcore /dev/**/mem /dev/**/kmem /dev/**/port\n"
	"fold 1000\n";

struct bytes policy_default(void)
{
	return bytes_of_text(text);
}
