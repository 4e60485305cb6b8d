using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Receivers;
using OrleansTempo.Server.UserOverrides;

namespace OrleansTempo.Server.Api;

/// <summary>
/// What a tenant sets for itself, as Tempo's <c>/api/overrides</c>: read with its version in <c>ETag</c>, replaced and deleted by the
/// version in <c>If-Match</c> (<c>0</c> for what is not there yet), or patched.
/// <code>
/// GET    200 404        POST   200 400 412 428        PATCH  200 400 409        DELETE  200 404 412 428
/// </code>
/// </summary>
internal sealed class OverridesApi(UserConfigurableOverrides overrides, bool multitenancy)
{
    private const int MaxBodyBytes = 1 << 20;

    public static IReadOnlyList<string> ChangingMethods { get; } = [HttpMethods.Post, HttpMethods.Patch, HttpMethods.Delete];

    public static IReadOnlyList<string> Methods { get; } = [HttpMethods.Get, HttpMethods.Head, .. ChangingMethods];

    public async Task AnswerAsync(HttpContext context)
    {
        if (!TenantHeader.TryRead(context.Request, multitenancy, out var tenant, out var missing, out var error))
        {
            await RefuseAsync(context, missing ? StatusCodes.Status401Unauthorized : StatusCodes.Status400BadRequest, error);
            return;
        }

        try
        {
            await (context.Request.Method switch
            {
                "POST" => PostAsync(context, tenant),
                "PATCH" => PatchAsync(context, tenant),
                "DELETE" => DeleteAsync(context, tenant),
                _ => GetAsync(context, tenant),
            });
        }
        catch (IOException e) when (e is not BadHttpRequestException && !context.Response.HasStarted)
        {
            await RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, $"cannot read or write overrides in the object store: {e.Message}");
        }
    }

    private async Task GetAsync(HttpContext context, TenantId tenant)
    {
        var scope = context.Request.Query["scope"] is [{ } said, ..] ? said : "api";
        if (scope is not ("api" or "merged"))
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, $"unknown scope \"{scope}\", valid options are api and merged");
            return;
        }

        if (await overrides.GetAsync(tenant, context.RequestAborted) is not { } stored)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.Headers.ETag = stored.Version;
        if (stored.Limits is not { } limits)
            await RefuseAsync(context, StatusCodes.Status500InternalServerError, $"the stored overrides cannot be read; replace them: {stored.Problem}");
        else
            await WriteAsync(context, scope == "merged" ? overrides.Merged(tenant) : limits);
    }

    private async Task PostAsync(HttpContext context, TenantId tenant)
    {
        if (await VersionAsync(context) is not { } version || await SkipsCheckAsync(context) is not { } skip || await BodyAsync(context) is not { } body)
            return;
        if (TenantLimits.TryParse(body, out var problems) is not { } limits)
            await RefuseAsync(context, StatusCodes.Status400BadRequest, problems);
        else if (await IsDoneAsync(context, await overrides.PutAsync(tenant, limits, version, skip, context.RequestAborted)) is { } done)
            context.Response.Headers.ETag = done.Version;
    }

    private async Task PatchAsync(HttpContext context, TenantId tenant)
    {
        if (await SkipsCheckAsync(context) is not { } skip || await BodyAsync(context) is not { } body)
            return;

        JsonNode? patch;
        try
        {
            patch = TenantLimits.ParseJson(body);
        }
        catch (JsonException e)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, $"this is not valid JSON: {e.Message}");
            return;
        }

        if (await IsDoneAsync(context, await overrides.PatchAsync(tenant, patch, skip, context.RequestAborted)) is { Limits: { } limits } done)
        {
            context.Response.Headers.ETag = done.Version;
            await WriteAsync(context, limits);
        }
    }

    private async Task DeleteAsync(HttpContext context, TenantId tenant)
    {
        if (await VersionAsync(context) is { } version)
            await IsDoneAsync(context, await overrides.DeleteAsync(tenant, version, context.RequestAborted));
    }

    // Null where it was not done, and that is answered.
    private static async Task<ChangeResult?> IsDoneAsync(HttpContext context, ChangeResult result)
    {
        if (result.Status == ChangeStatus.Done)
            return result;
        await RefuseAsync(
            context,
            result.Status switch
            {
                ChangeStatus.NotFound => StatusCodes.Status404NotFound,
                ChangeStatus.OtherVersion => StatusCodes.Status412PreconditionFailed,
                ChangeStatus.Contended => StatusCodes.Status409Conflict,
                _ => StatusCodes.Status400BadRequest,
            },
            result.Problem);
        return null;
    }

    // As it was given out, or in the quotes and with the W/ that some clients and proxies put around it.
    private static async Task<string?> VersionAsync(HttpContext context)
    {
        if (context.Request.Headers.IfMatch is [{ Length: > 0 } version])
            return (version.StartsWith("W/", StringComparison.Ordinal) ? version[2..] : version).Trim('"');
        await RefuseAsync(context, StatusCodes.Status428PreconditionRequired, "must specify If-Match header");
        return null;
    }

    private static async Task<bool?> SkipsCheckAsync(HttpContext context)
    {
        var said = context.Request.Query["skip-conflicting-overrides-check"];
        if (said == StringValues.Empty)
            return false;
        switch (said[0])
        {
            case "1" or "t" or "T" or "true" or "TRUE" or "True":
                return true;
            case "0" or "f" or "F" or "false" or "FALSE" or "False":
                return false;
        }

        await RefuseAsync(context, StatusCodes.Status400BadRequest, "could not parse skip-conflicting-overrides-check, must be a boolean value");
        return null;
    }

    private static async Task<byte[]?> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        var part = new byte[16 << 10];
        while (await context.Request.Body.ReadAsync(part, context.RequestAborted) is var read and > 0)
        {
            if (body.Length + read > MaxBodyBytes)
            {
                await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"the body is too large; the maximum is {MaxBodyBytes} bytes");
                return null;
            }

            body.Write(part, 0, read);
        }

        return body.ToArray();
    }

    private static async Task WriteAsync(HttpContext context, TenantLimits limits)
    {
        var json = limits.ToUtf8();
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(json);
    }

    private static Task RefuseAsync(HttpContext context, int status, string problem) => PlainText.WriteAsync(context.Response, status, problem + "\n");
}
