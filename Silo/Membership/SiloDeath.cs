using Orleans.Runtime;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Told by Orleans that the silo cannot go on, above all that the others have declared it dead. Its grains may be active
/// elsewhere by now, so nothing is stopped in order or handed over: what was acknowledged is in the log, which another silo
/// takes over.
/// </summary>
/// <param name="end">Ends the process, for a reason.</param>
internal sealed class SiloDeath(Action<string> end) : IFatalErrorHandler
{
    public bool IsUnexpected(Exception exception) => true;

    public void OnFatalException(object? sender, string? context, Exception? exception) =>
        end(string.Join(": ", new[] { context, exception?.Message }.Where(static text => !string.IsNullOrEmpty(text))));
}
