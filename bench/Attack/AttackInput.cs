using System.Globalization;
using OrleansTempo.Core.Tests.Cost;

namespace OrleansTempo.Bench.Attack;

/// <summary>An attack that one client can make on a server, and the ordinary traffic to compare it with.</summary>
internal abstract class AttackInput(string name)
{
    /// <summary>The name on the command line and in the table.</summary>
    public string Name { get; } = name;

    /// <summary>Sends the ordinary traffic; null if there is none to compare with.</summary>
    public virtual Func<AttackTarget, CancellationToken, Task>? Ordinary => null;

    /// <summary>Makes the attack, and returns in a few words what was sent and answered.</summary>
    public abstract Task<string> SendAsync(AttackTarget target, CancellationToken cancellation);
}

/// <summary>An attack of requests, each with its tenant. The ordinary traffic is as many requests of the same decompressed lengths, all of one tenant.</summary>
/// <param name="name">The name on the command line and in the table.</param>
/// <param name="requests">Makes new requests each time.</param>
internal sealed class RequestsInput(string name, Func<IEnumerable<(string Tenant, byte[] Body)>> requests) : AttackInput(name)
{
    // A little less than the attack, because the last span may be longer than the rest.
    private const int LongestSpan = 300;

    public override Func<AttackTarget, CancellationToken, Task> Ordinary => async (target, cancellation) =>
    {
        var first = 0;
        await target.PushAllAsync(requests().Select(request =>
        {
            var traces = Interlocked.Add(ref first, request.Body.Length) - request.Body.Length;
            return ("ordinary", AttackBodies.Ordinary(Math.Max(request.Body.Length - LongestSpan, 1), traces + 1));
        }), cancellation);
    };

    public override async Task<string> SendAsync(AttackTarget target, CancellationToken cancellation)
    {
        var sent = await target.PushAllAsync(requests(), cancellation);
        return string.Create(CultureInfo.InvariantCulture, $"{sent.Count} × {sent.UnpackedBytes / 1000.0 / sent.Count:F1} KB, gzip {sent.SentBytes / 1000.0 / sent.Count:F1} KB: {sent.Answers}");
    }
}
