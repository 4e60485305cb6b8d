using Orleans.Runtime;

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

    public void OnFatalException(object? sender, string? context, Exception? exception) =>
        end(string.Join(": ", new[] { context, exception?.Message }.Where(static text => !string.IsNullOrEmpty(text))));
}
