using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

public sealed class CollectionFormatTests
{
    private const int HeaderBytes = CollectionFormat.HeaderBytes, EntryBytes = 52;
    private const int Bodies = HeaderBytes + (3 * EntryBytes);

    private static readonly Guid s_writer = new("00112233-4455-6677-8899-aabbccddeeff");

    // The last request has no body.
    private static readonly RemoteWriteRequest[] s_requests =
    [
        new() { Body = new byte[] { 1, 2, 3 }, RawBytes = 30, Samples = 5, Exemplars = 2, TimestampMs = 1_780_000_000_123 },
        new() { Body = new byte[] { 4, 5 }, RawBytes = 20, Samples = 4, Histograms = 3, Exemplars = 0, TimestampMs = 1_780_000_000_124, Protocol = RemoteWriteProtocol.V2 },
        new() { Body = Array.Empty<byte>(), RawBytes = 0, Samples = 11, Exemplars = 1, TimestampMs = 1_780_000_000_125 },
    ];

    [Fact]
    public void Every_field_is_read_as_written()
    {
        var content = CollectionFormat.Write(s_requests, 1_780_000_000_200, s_writer);

        Assert.Equal(new CollectionHeader(QueueObjectKind.Collection, 3, 1_780_000_000_200, 23, s_writer), CollectionFormat.ReadHeader(content.AsSpan(0, HeaderBytes)));
        var read = CollectionFormat.Read(content);
        Assert.Equal((0, 0), (read.Broken, read.LostSamples));
        Assert.Equal(s_requests.Select(Text), read.Requests.Select(Text));
    }

    [Fact]
    public void The_bytes_are_the_documented_ones()
    {
        var content = CollectionFormat.Write([s_requests[0]], 1_780_000_000_200, s_writer);

        Assert.Equal("4F54656D70525751" + "02000000" + "01000000" + "C88844709E010000" + "0500000000000000" + "01000000" + "33221100554477668899AABBCCDDEEFF", Convert.ToHexString(content.AsSpan(0, HeaderBytes - 4)));
        Assert.Equal(Crc32C.Of(content.AsSpan(0, HeaderBytes - 4)), BitConverter.ToUInt32(content, HeaderBytes - 4));
        Assert.Equal(HeaderBytes + EntryBytes + 3, content.Length);
        Assert.Equal("010203", Convert.ToHexString(content.AsSpan(HeaderBytes + EntryBytes)));
    }

    [Fact]
    public void Requests_that_are_done_already_are_not_written()
    {
        var content = CollectionFormat.Write([null, s_requests[1], null], 1000, s_writer);

        Assert.Equal((1, 7), (CollectionFormat.ReadHeader(content)!.Value.Requests, CollectionFormat.ReadHeader(content)!.Value.Samples));
        Assert.Equal(Text(s_requests[1]), Text(Assert.Single(CollectionFormat.Read(content).Requests)));
    }

    [Theory]
    [InlineData(QueueObjectKind.Sent)]
    [InlineData(QueueObjectKind.Fence)]
    internal void A_mark_is_a_header_alone_and_has_no_samples(QueueObjectKind kind)
    {
        var content = CollectionFormat.WriteMark(kind, s_writer);

        Assert.Equal(HeaderBytes, content.Length);
        Assert.Equal(new CollectionHeader(kind, 0, 0, 0, s_writer), CollectionFormat.ReadHeader(content));
        var read = CollectionFormat.Read(content);
        Assert.Equal((0, 0, 0), (read.Requests.Count, read.Broken, read.LostSamples));
    }

    [Fact]
    public void A_corrupt_byte_costs_only_what_it_belongs_to()
    {
        var content = CollectionFormat.Write(s_requests, 1000, s_writer);
        for (var i = 0; i < content.Length; i++)
        {
            content[i] ^= 0x10;
            var read = CollectionFormat.Read(content);
            content[i] ^= 0x10;

            if (i < HeaderBytes)
            {
                // How many samples that costs, the entries still say.
                Assert.Empty(read.Requests);
                Assert.Equal((1, 23), (read.Broken, read.LostSamples));
                continue;
            }

            var hit = i switch
            {
                < Bodies => (i - HeaderBytes) / EntryBytes,
                < Bodies + 3 => 0,
                _ => 1,
            };
            Assert.Equal(s_requests.Where((_, request) => request != hit).Select(Text), read.Requests.Select(Text));
            Assert.Equal((1, s_requests[hit].AllSamples), (read.Broken, read.LostSamples));
        }
    }

    [Fact]
    public void A_truncated_collection_keeps_its_complete_requests()
    {
        var content = CollectionFormat.Write(s_requests, 1000, s_writer);
        int[] ends = [Bodies + 3, Bodies + 5, Bodies + 5];
        for (var length = content.Length; length >= 0; length--)
        {
            var read = CollectionFormat.Read(content.AsMemory(0, length));

            var whole = ends.Select(end => end <= length).ToArray();
            Assert.Equal(s_requests.Where((_, request) => whole[request]).Select(Text), read.Requests.Select(Text));
            Assert.Equal(length < HeaderBytes ? 1 : whole.Count(static w => !w), read.Broken);
            Assert.Equal(length < HeaderBytes ? 0 : s_requests.Where((_, request) => !whole[request]).Sum(static r => r.AllSamples), read.LostSamples);
        }
    }

    private static string Text(RemoteWriteRequest r) => $"{Convert.ToHexString(r.Body.Span)} {r.RawBytes} {r.Samples} {r.Histograms} {r.Exemplars} {r.TimestampMs} {r.Protocol}";
}
