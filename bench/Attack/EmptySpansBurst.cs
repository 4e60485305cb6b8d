using System.Globalization;
using OrleansTempo.Bench.Load;
using OrleansTempo.Core.Tests.Cost;

namespace OrleansTempo.Bench.Attack;

/// <summary>Sixteen simultaneous requests of empty spans, each of which is refused; measures the memory that the process still has half a minute later, when it has long been idle.</summary>
internal sealed class EmptySpansBurst(int bodyBytes) : AttackInput("empty-spans-burst")
{
    private const int Requests = 16;

    private static readonly TimeSpan s_later = TimeSpan.FromSeconds(30);

    public override async Task<string> SendAsync(AttackTarget target, CancellationToken cancellation)
    {
        int[] process = [target.Server.ProcessId];
        var before = ServerUsage.MemoryBytes(process);
        var sent = await target.PushAllAsync(Enumerable.Range(0, Requests).Select(_ => ("attacker", AttackBodies.EmptySpans(bodyBytes / 2))), cancellation, Requests);
        await Task.Delay(s_later, cancellation);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{sent.Count} at once: {sent.Answers}; resident before {before / 1e6:F0} MB, {s_later.TotalSeconds} s later {ServerUsage.MemoryBytes(process) / 1e6:F0} MB");
    }
}
