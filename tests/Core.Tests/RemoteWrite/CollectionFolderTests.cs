using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.RemoteWrite;

public sealed class CollectionFolderTests : IDisposable
{
    // The last request has no body.
    private static readonly RemoteWriteRequest[] s_requests =
    [
        new() { Body = new byte[] { 1, 2, 3 }, RawBytes = 30, Samples = 5, Exemplars = 2, TimestampMs = 1_780_000_000_123 },
        new() { Body = new byte[] { 4, 5 }, RawBytes = 20, Samples = 4, Histograms = 3, Exemplars = 0, TimestampMs = 1_780_000_000_124, Protocol = RemoteWriteProtocol.V2 },
        new() { Body = Array.Empty<byte>(), RawBytes = 0, Samples = 11, Exemplars = 1, TimestampMs = 1_780_000_000_125 },
    ];

    private readonly string _root = Directory.CreateTempSubdirectory("collections").FullName;

    private CollectionFolder Folder => new(Path.Combine(_root, "tenant", "endpoint"));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_is_written_is_read_again_field_by_field()
    {
        var stored = Folder.Write(s_requests, 1_780_000_000_200);

        Assert.Equal(stored, Assert.Single(Folder.List()));
        Assert.Equal((1, 1_780_000_000_200, 23, 4096), (stored.Number, stored.TimestampMs, stored.Samples, stored.DiskBytes));
        var read = Folder.Read(stored, out var broken, out var sound);
        Assert.Equal((0, 23), (broken, sound));
        Assert.Equal(s_requests.Select(Text), read.Select(r => Text(r!)));
    }

    [Fact]
    public void Collections_are_listed_in_the_order_in_which_they_were_written_and_numbered_on_by_the_next_process()
    {
        var folder = Folder;
        for (var i = 1; i <= 11; i++)
            folder.Write(s_requests, 1000 - i);
        var next = Folder;
        Assert.Equal(11, next.List().Count);
        next.Write(s_requests, 0);

        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long)i), Folder.List().Select(c => c.Number));
    }

    [Fact]
    public void A_request_that_is_done_is_not_read_again_whether_it_was_before_the_writing_or_after()
    {
        var folder = Folder;
        var stored = folder.Write([null, .. s_requests], 1000);
        Assert.Equal(23, stored.Samples);
        folder.MarkDone(stored, 2);

        var read = folder.Read(stored, out var broken, out var sound);
        Assert.Equal([null, Text(s_requests[0]), null, Text(s_requests[2])], read.Select(r => r is null ? null : Text(r)));
        Assert.Equal((0, 23), (broken, sound));
    }

    [Fact]
    public void Every_byte_that_tips_over_costs_what_it_belongs_to_and_nothing_else()
    {
        const int HeaderBytes = 28, EntryBytes = 56, CheckedBytesOfEntry = 52;
        var stored = Folder.Write(s_requests, 1000);
        var path = Assert.Single(Directory.GetFiles(_root, "*.rw", SearchOption.AllDirectories));
        var bytes = File.ReadAllBytes(path);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x10;
            File.WriteAllBytes(path, bytes);
            var read = Folder.Read(stored, out var broken, out var sound);
            bytes[i] ^= 0x10;

            if (i < HeaderBytes)
            {
                Assert.Empty(read);
                Assert.Equal((1, 0), (broken, sound));
                continue;
            }

            int? hit = i switch
            {
                < HeaderBytes + (3 * EntryBytes) => (i - HeaderBytes) % EntryBytes < CheckedBytesOfEntry ? (i - HeaderBytes) / EntryBytes : null,
                < HeaderBytes + (3 * EntryBytes) + 3 => 0,
                _ => 1,
            };
            Assert.Equal(s_requests.Select((r, request) => request == hit ? null : Text(r)), read.Select(r => r is null ? null : Text(r)));
            Assert.Equal((hit is null ? 0 : 1, 23 - (hit is { } lost ? s_requests[lost].AllSamples : 0)), (broken, sound));
        }
    }

    [Fact]
    public void A_file_that_was_not_written_to_its_end_has_those_requests_that_are_whole()
    {
        const int HeaderBytes = 28, EntryBytes = 56;
        var stored = Folder.Write(s_requests, 1000);
        var path = Assert.Single(Directory.GetFiles(_root, "*.rw", SearchOption.AllDirectories));
        var bytes = File.ReadAllBytes(path);
        int[] ends = [HeaderBytes + (3 * EntryBytes) + 3, HeaderBytes + (3 * EntryBytes) + 5, HeaderBytes + (3 * EntryBytes) + 5];
        for (var length = bytes.Length; length >= 0; length--)
        {
            File.WriteAllBytes(path, bytes[..length]);
            var read = Folder.Read(stored, out var broken, out _);

            var whole = ends.Select(end => end <= length).ToArray();
            Assert.Equal(s_requests.Where((_, request) => whole[request]).Select(Text), read.OfType<RemoteWriteRequest>().Select(Text));
            Assert.Equal(length < HeaderBytes ? 1 : whole.Count(static w => !w), broken);
        }
    }

    [Fact]
    public void Other_files_are_left_alone()
    {
        Folder.Write(s_requests, 1000);
        var directory = Path.GetDirectoryName(Assert.Single(Directory.GetFiles(_root, "*.rw", SearchOption.AllDirectories)))!;
        string[] others = ["readme.txt", "1-1000-23.rw", "00000000000000000002-1000.rw", "00000000000000000002-+1-1.rw", "00000000000000000002-1000-1.rw.bak"];
        foreach (var name in others)
            File.WriteAllText(Path.Combine(directory, name), "");

        Assert.Equal(1, Assert.Single(Folder.List()).Number);
    }

    private static string Text(RemoteWriteRequest r) => $"{Convert.ToHexString(r.Body.Span)} {r.RawBytes} {r.Samples} {r.Histograms} {r.Exemplars} {r.TimestampMs} {r.Protocol}";
}
