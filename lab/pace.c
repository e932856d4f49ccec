// Numbered datagrams at a steady rate, and what became of them.
//
//   pace send ADDRESS PORT RATE COUNT    sends COUNT datagrams, RATE a second, as smoothly as the clock allows: sent COUNT.
//                                        What it was kept from sending in time it sends later, and not at once: a burst
//                                        fills the rings before the firewall, which is no loss of the firewall's.
//   pace spray SOURCE ADDRESS PORT RATE COUNT
//                                        sends COUNT datagrams of as many flows, from SOURCE, whoever that is: source
//                                        ports from 1024, and one destination port more for each 64,000: sent COUNT
//   pace receive PORT COUNT QUIET-MS     counts them until all are here or none came for QUIET-MS (after the first):
//                                        received R lost L twice T last N gap-us G
//
// `gap` is the longest time without a datagram, `last` the highest number seen, from 1. IPv4 only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 32
#define PAYLOAD 32
#define BEHIND_MAX 256
#define COUNT_MAX 50000000UL

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int send_all(const char *address, int port, uint64_t rate, uint64_t count)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	static uint8_t bytes[BATCH][PAYLOAD];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t start, sent = 0;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (void *)&to, sizeof(to)))
		return die("connect");
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ bytes[i], PAYLOAD };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	start = now_ns();
	while (sent < count) {
		uint64_t due = (now_ns() - start) * rate / 1000000000ULL + 1;
		int n, done;

		if (due > sent + BEHIND_MAX) {
			start += (due - sent - BEHIND_MAX) * 1000000000ULL / rate;
			due = sent + BEHIND_MAX;
		}
		if (due > count)
			due = count;
		if (due <= sent) {
			nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
			continue;
		}
		n = due - sent > BATCH ? BATCH : due - sent;
		for (int i = 0; i < n; i++) {
			uint64_t number = sent + i + 1;

			memcpy(bytes[i], &number, sizeof(number));
		}
		done = sendmmsg(fd, messages, n, 0);
		if (done < 0 && errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED)
			return die("send");
		if (done > 0)
			sent += done;
	}
	printf("sent %lu\n", (unsigned long)sent);
	return 0;
}

#define PORTS 64000

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[8];
};

static int spray_all(const char *source, const char *address, int port, uint64_t rate, uint64_t count)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static struct datagram datagrams[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct in_addr from;
	uint64_t start = now_ns(), sent = 0;

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 || inet_pton(AF_INET, source, &from) != 1)
		return die("open");
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ &datagrams[i], sizeof(datagrams[i]) };
		messages[i].msg_hdr.msg_name = &to;
		messages[i].msg_hdr.msg_namelen = sizeof(to);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		datagrams[i].ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.saddr = from.s_addr, .daddr = to.sin_addr.s_addr };
		datagrams[i].udp.len = htons(sizeof(struct udphdr) + sizeof(datagrams[i].payload));
	}
	while (sent < count) {
		uint64_t due = (now_ns() - start) * rate / 1000000000ULL + 1;
		int n, done;

		if (due > count)
			due = count;
		if (due <= sent) {
			nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
			continue;
		}
		n = due - sent > BATCH ? BATCH : due - sent;
		for (int i = 0; i < n; i++) {
			datagrams[i].udp.source = htons(1024 + (sent + i) % PORTS);
			datagrams[i].udp.dest = htons(port + (sent + i) / PORTS);
		}
		done = sendmmsg(fd, messages, n, 0);
		if (done < 0 && errno != ENOBUFS && errno != EINTR)
			return die("send");
		if (done > 0)
			sent += done;
	}
	printf("sent %lu\n", (unsigned long)sent);
	return 0;
}

static int receive_all(int port, uint64_t count, int quiet_ms)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	static uint8_t bytes[BATCH][PAYLOAD];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 64 << 20;
	uint8_t *seen = calloc(count + 1, 1);
	uint64_t received = 0, twice = 0, last = 0, gap = 0, before = 0;
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (!seen || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (void *)&at, sizeof(at)))
		return die("bind");
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ bytes[i], PAYLOAD };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (received < count && poll(&wait, 1, before ? quiet_ms : 60000) > 0) {
		int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		uint64_t t = now_ns();

		if (n <= 0)
			continue;
		if (before && t - before > gap)
			gap = t - before;
		before = t;
		for (int i = 0; i < n; i++) {
			uint64_t number;

			memcpy(&number, bytes[i], sizeof(number));
			if (number == 0 || number > count)
				continue;
			if (seen[number])
				twice++;
			else
				received++;
			seen[number] = 1;
			if (number > last)
				last = number;
		}
	}
	printf("received %lu lost %lu twice %lu last %lu gap-us %lu\n", (unsigned long)received,
	       (unsigned long)(count - received), (unsigned long)twice, (unsigned long)last,
	       (unsigned long)(gap / 1000));
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 3 ? strtoull(argv[argc == 5 ? 3 : argc - 1], NULL, 10) : 0;

	if (count > 0 && count <= COUNT_MAX) {
		if (argc == 6 && !strcmp(argv[1], "send") && atoi(argv[4]) > 0)
			return send_all(argv[2], atoi(argv[3]), atoi(argv[4]), count);
		if (argc == 7 && !strcmp(argv[1], "spray") && atoi(argv[5]) > 0)
			return spray_all(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), count);
		if (argc == 5 && !strcmp(argv[1], "receive"))
			return receive_all(atoi(argv[2]), count, atoi(argv[4]));
	}
	fprintf(stderr, "usage: pace send ADDRESS PORT RATE COUNT | pace spray SOURCE ADDRESS PORT RATE COUNT |\n"
		"       pace receive PORT COUNT QUIET-MS\n");
	return 2;
}
