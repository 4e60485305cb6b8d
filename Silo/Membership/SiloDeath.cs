using Orleans.Runtime;
using OrleansTempo.Grains;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Ends the process when Orleans reports that the silo cannot continue, above all because the others have declared it dead. Its grains may
/// be active elsewhere by now, so nothing is shut down cleanly or handed over: what was acknowledged is in the log, which another silo
/// adopts.
/// </summary>
/// <param name="end">Ends the process; takes the reason.</param>
internal sealed class SiloDeath(Action<string> end) : IFatalErrorHandler
{
    public bool IsUnexpected(Exception exception) => true;

    public void OnFatalException(object? sender, string? context, Exception? exception) => end(Reason(context, exception));

    // Orleans adds the whole membership table, from which MembershipLog has said what matters.
    private static string Reason(string? context, Exception? exception) => context?.Contains("told I am dead", StringComparison.OrdinalIgnoreCase) is true
        ? "the other silos have declared it dead, because they could not reach it, or because it did not answer for a while. If this happens again, check the network between the silos, and whether this one has enough CPU and memory"
        : string.Join(": ", new[] { context, exception?.Message }.Where(static text => !string.IsNullOrEmpty(text)).Select(static text => CallFailure.Shorten(text!)));
}
