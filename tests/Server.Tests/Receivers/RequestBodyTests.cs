using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Receivers;

namespace OrleansTempo.Server.Tests.Receivers;

/// <summary>What decompressing a body gives, whatever is in it.</summary>
public sealed class RequestBodyTests
{
    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("zstd")]
    [InlineData("snappy")]
    public void Compressed_data_with_any_bytes_changed_is_taken_or_refused_and_never_an_error_of_ours(string name)
    {
        Assert.True(ContentCoding.TryFind(name, out var coding));
        var memory = new RequestMemory(64 << 20);
        var random = new Random(12);
        foreach (var (_, whole) in Requests.Compressed(Requests.Golden).Where(c => c.Encoding == name))
        {
            for (var i = 0; i < 2_000; i++)
            {
                var body = memory.Copy(whole.AsSpan(0, random.Next(4) == 0 ? random.Next(whole.Length) : whole.Length));

                // Headers say how large things are, so they change the most.
                for (var changes = random.Next(1, 6); changes > 0 && body.Length > 0; changes--)
                    body.Array[random.Next(random.Next(2) == 0 ? Math.Min(24, body.Length) : body.Length)] = random.Next(3) == 0 ? (byte)0xFF : (byte)random.Next(256);
                var (status, content) = RequestBody.Decompress(memory, coding!, body, RunningServer.MaxRequestBytes);
                Assert.Equal(status == BodyStatus.Complete, content is not null);
                content?.Return();
            }
        }

        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void Zlib_data_that_wants_a_dictionary_is_undecodable()
    {
        Assert.True(ContentCoding.TryFind("deflate", out var coding));
        var memory = new RequestMemory(64 << 20);

        var (status, content) = RequestBody.Decompress(memory, coding!, memory.Copy([0x78, 0x20, 0, 0, 0, 1, 1, 0, 0, 0xFF, 0xFF]), RunningServer.MaxRequestBytes);

        Assert.Equal((BodyStatus.Undecodable, null), (status, content));
        Assert.Equal(0, memory.OutstandingBytes);
    }
}
