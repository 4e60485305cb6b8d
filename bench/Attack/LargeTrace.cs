using System.Globalization;
using OrleansTempo.Core;
using OrleansTempo.Core.Tests.Cost;

namespace OrleansTempo.Bench.Attack;

/// <summary>A trace of many spans whose IDs collide in .NET's own hash tables: pushed, queried, and written to a block. The ordinary trace has other IDs.</summary>
internal sealed class LargeTrace() : AttackInput("mirrored-span-ids")
{
    private const int Spans = 80_000;

    public override Func<AttackTarget, CancellationToken, Task> Ordinary => (target, cancellation) => SendAsync(target, "ordinary", static i => i * 0x9E3779B97F4A7C15, cancellation);

    public override Task<string> SendAsync(AttackTarget target, CancellationToken cancellation) => SendAsync(target, "attacker", static i => (i << 32) | i, cancellation);

    private static async Task<string> SendAsync(AttackTarget target, string tenant, Func<ulong, ulong> spanId, CancellationToken cancellation)
    {
        var pushed = await target.PushAllAsync([(tenant, AttackBodies.OneTrace(Spans, spanId))], cancellation);
        var asked = await target.CallAsync(HttpMethod.Get, $"/api/traces/{new TraceId(1, 1)}", tenant, cancellation);
        var flushed = await target.CallAsync(HttpMethod.Post, "/flush", tenant, cancellation);
        return string.Create(CultureInfo.InvariantCulture, $"{pushed.UnpackedBytes / 1000.0:F0} KB, gzip {pushed.SentBytes / 1000.0:F0} KB: {pushed.Answers}; query {asked}; flush {flushed}");
    }
}
