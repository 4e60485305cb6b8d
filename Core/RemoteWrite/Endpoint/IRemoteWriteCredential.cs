namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>Signs in for an endpoint where that takes more than a configured secret. Safe for concurrent use.</summary>
public interface IRemoteWriteCredential
{
    /// <summary>The <c>Authorization</c> header of a request that is about to leave. Asked for every attempt, so tokens are kept by whoever implements it.</summary>
    /// <exception cref="Exception">It could not sign in; the attempt is repeated as when the endpoint cannot be reached.</exception>
    ValueTask<string> AuthorizationAsync(CancellationToken cancellation);
}
