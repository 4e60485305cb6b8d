using Azure;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace OrleansTempo.Azure;

/// <summary>Turns the SDK's exceptions into an <see cref="IOException"/> that names container and blob, and says what to do.</summary>
internal static class AzureFailure
{
    /// <summary>Whether it is one of the SDK's failures: the service refused, could not be reached, did not answer in time, or denied sign-in.</summary>
    public static bool Is(Exception e) =>
        e is RequestFailedException or AuthenticationFailedException or AggregateException or OperationCanceledException or HttpRequestException;

    /// <param name="doing">The action, as in <c>writing blob</c>.</param>
    /// <param name="name">The object or prefix; null for the container itself.</param>
    public static IOException Describe(string doing, string? name, BlobContainerClient container, Exception e)
    {
        var what = name is null ? "" : $"'{name}' in ";
        // Only the host: the rest of the address may contain a signature.
        return new IOException($"{doing} {what}container '{container.Name}' of {container.Uri.Authority} failed: {Reason(e, container.Name)}", e);
    }

    private static string Reason(Exception e, string container) => Cause(e) switch
    {
        RequestFailedException { Status: > 0 } refused => $"{refused.Status} {refused.ErrorCode ?? "without an error code"}{Advice(refused, container)}",
        AuthenticationFailedException denied =>
            $"cannot get a token ({FirstLine(denied)}); check that this machine has the identity of storage.trace.azure (use_managed_identity, user_assigned_id, use_federated_token)",
        OperationCanceledException => "no answer in time; check that the account can be reached from here (firewall, private endpoint, proxy)",
        var other => $"{FirstLine(other)}; check storage.trace.azure.storage_account_name and that the account can be reached from here",
    };

    private static string Advice(RequestFailedException e, string container)
    {
        if (e.ErrorCode == BlobErrorCode.ContainerNotFound)
            return $"; create the container '{container}': it was deleted while this process ran, or this process may not create it";
        if (e.ErrorCode == BlobErrorCode.ContainerBeingDeleted)
            return $"; the container '{container}' is being deleted: wait a few minutes, or name another one in storage.trace.azure.container_name";
        if (e.ErrorCode == BlobErrorCode.InvalidBlockList)
            return "; another writer has replaced the blob in the meantime";
        if (e.ErrorCode == BlobErrorCode.AuthenticationFailed)
            return "; check storage_account_key or connection_string, and this machine's clock";
        if (e.ErrorCode == BlobErrorCode.InvalidResourceName)
            return $"; '{container}' is not a container name: use 3 to 63 of a-z, 0-9 and single hyphens";
        return e.Status switch
        {
            401 or 403 =>
                "; assign the role \"Storage Blob Data Contributor\" on the container or the account to the identity (with a key, check storage_account_key or connection_string), and let the account's firewall admit this machine",
            429 or 503 => "; the account has reached its limits, or is under maintenance",
            >= 500 => "; this is a temporary error on Azure's side",
            _ => "",
        };
    }

    /// <summary>The last of several attempts, which is the one that counts.</summary>
    private static Exception Cause(Exception e) => e is AggregateException { InnerExceptions.Count: > 0 } tries ? Cause(tries.InnerExceptions[^1]) : e;

    private static string FirstLine(Exception e) => e.Message.Split('\n', 2)[0].TrimEnd();
}
