using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Server.Receivers;

/// <summary>The result of a request: its spans were stored, or refused, or its body could not be read; each protocol has its own words for the last.</summary>
internal readonly record struct PushOutcome
{
    /// <summary>Why the body could not be read; <see cref="BodyStatus.Complete"/> if it could.</summary>
    public BodyStatus Body { get; private init; }

    /// <summary>How many bytes arrived of a body that could not be read.</summary>
    public int SentBytes { get; private init; }

    /// <summary>Why all spans were refused; null if they were not, or if the body could not be read.</summary>
    public Refusal? Refusal { get; private init; }

    /// <summary>How many spans were refused although the others were stored.</summary>
    public int RejectedSpans { get; private init; }

    /// <summary>Why they were refused; empty if there is nothing to say.</summary>
    public string Message { get; private init; }

    public static PushOutcome Taken(PushResult result) => new() { RejectedSpans = result.RejectedSpans, Message = result.Message ?? "" };

    public static PushOutcome Unreadable(in ReceivedBody received) => new() { Body = received.Status, SentBytes = received.SentBytes };

    public static implicit operator PushOutcome(Refusal refusal) => new() { Refusal = refusal };
}
