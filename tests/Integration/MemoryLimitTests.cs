using System.Net;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Integration;

/// <summary>A silo that may have little memory, and gets more spans than fit into it.</summary>
public sealed class MemoryLimitTests
{
    private const int Senders = 8;
    private const int MaxRequests = 100;

    [Fact]
    public async Task Whatever_does_not_fit_into_the_heap_is_told_to_come_again_and_the_silo_goes_on()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "heap",
            Ingester = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h",
            Environment = new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x6400000" },
        });
        using var client = new HttpClient();
        var refused = 0;

        // Each request has more than a megabyte, and what is taken stays in memory: some are refused soon.
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(async () =>
        {
            var traces = new RandomTraces(sender, padding: 10_000);
            for (var i = 0; i < MaxRequests && Volatile.Read(ref refused) < 2 * Senders; i++)
            {
                using var content = new ByteArrayContent(traces.Next(100).ToByteArray());
                content.Headers.ContentType = new("application/x-protobuf");
                using var answer = await client.PostAsync(new Uri(silo.HttpEndpoint, "/v1/traces"), content);
                if (answer.StatusCode == HttpStatusCode.OK)
                    continue;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                Assert.NotNull(answer.Headers.RetryAfter?.Delta);
                Interlocked.Increment(ref refused);
            }
        })));

        Assert.True(refused >= 2 * Senders, $"{refused} were refused\n{silo.Log}");
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);
    }
}
