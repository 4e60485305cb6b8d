using System.Globalization;

namespace OrleansTempo.Bench.Attack;

/// <summary>Something that one client can do to a server, and what any other client does that is to be compared with it.</summary>
internal abstract class AttackInput(string name)
{
    /// <summary>As it is called on the command line and in the table.</summary>
    public string Name { get; } = name;

    /// <summary>Does the ordinary thing; null where there is none to compare with.</summary>
    public virtual Func<AttackTarget, CancellationToken, Task>? Ordinary => null;

    /// <summary>Does it, and says in a few words what was sent and answered.</summary>
    public abstract Task<string> SendAsync(AttackTarget target, CancellationToken cancellation);
}

/// <summary>Requests, each with its tenant. What is ordinary is as many requests of the same lengths (unpacked), all of one tenant.</summary>
/// <param name="name">As it is called on the command line and in the table.</param>
/// <param name="requests">Makes them anew each time.</param>
internal sealed class RequestsInput(string name, Func<IEnumerable<(string Tenant, byte[] Body)>> requests) : AttackInput(name)
{
    // A little less than the attack: the last span may be longer than what is left.
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
