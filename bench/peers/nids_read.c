/* Reassembles every TCP stream of a capture with libnids, and counts the octets of both ends. No more: what libnids alone costs. */
#include <nids.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long long octets, streams;

static void on_tcp(struct tcp_stream *stream, void **unused)
{
    (void)unused;
    switch (stream->nids_state) {
    case NIDS_JUST_EST:
        stream->client.collect++;
        stream->server.collect++;
        streams++;
        break;
    case NIDS_DATA:
        octets += stream->client.count_new + stream->server.count_new;
        break;
    default:
        break;
    }
}

int main(int count, char **arguments)
{
    static struct nids_chksum_ctl none = { 0, 0, NIDS_DONT_CHKSUM, 0 };

    if (count != 3) {
        fprintf(stderr, "usage: %s CAPTURE SESSIONS_AT_A_TIME\n", arguments[0]);
        return 2;
    }
    nids_params.filename = arguments[1];
    nids_params.n_tcp_streams = 2 * atoi(arguments[2]);
    nids_params.scan_num_hosts = 0;
    nids_params.multiproc = 0;
    if (!nids_init()) {
        fprintf(stderr, "%s\n", nids_errbuf);
        return 1;
    }
    nids_register_chksum_ctl(&none, 1);
    nids_register_tcp(on_tcp);
    nids_run();
    printf("%llu streams, %llu octets\n", streams, octets);
    return 0;
}
