using Orleans.Runtime;

namespace OrleansTempo.Grains;

/// <summary>
/// Says in a few words why a call to a grain failed. Orleans' own messages carry message headers, activation IDs and stacks, which help nobody but
/// its developers; clients and the log get this instead.
/// </summary>
internal static class CallFailure
{
    private const int MaxLength = 300;

    public static string Reason(Exception exception) => exception switch
    {
        AggregateException { InnerException: { } inner } => Reason(inner),
        TimeoutException => "its silo did not answer in time",
        OperationCanceledException => "the call was cancelled",
        SiloUnavailableException => "its silo is gone",
        OrleansException => "its silo is stopping, or cannot be reached",
        _ => Shorten(exception.Message),
    };

    /// <summary>The first line of a message: what a grain itself throws is a sentence of ours, or of the object store.</summary>
    public static string Shorten(string message)
    {
        var line = message.AsSpan().Trim();
        if (line.IndexOfAny('\r', '\n') is var end and >= 0)
            line = line[..end].TrimEnd();
        return line.Length > MaxLength ? string.Concat(line[..MaxLength], "…") : line.ToString();
    }
}
