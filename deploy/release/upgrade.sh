#!/bin/sh
# Upgrades a deployment to this release, and rolls it back if an alarm of its functions fires during the upgrade or in the 30 minutes after it.
#
#     sh upgrade.sh BUCKET REGION [STACK] [--yes]
#
# BUCKET has the files of the releases, and STACK is securityhub-exporter by default. Parameters keep their values. Requires the AWS CLI.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() { say "upgrade.sh: $*"; exit 1; }

is_confirmed=false
for argument; do
    shift
    case $argument in
        --yes) is_confirmed=true ;;
        -*) fail "unknown option $argument; usage: sh upgrade.sh BUCKET REGION [STACK] [--yes]" ;;
        *) set -- "$@" "$argument" ;;
    esac
done
[ $# -ge 2 ] && [ $# -le 3 ] || fail "usage: sh upgrade.sh BUCKET REGION [STACK] [--yes]"
bucket=$1 region=$2 stack=${3:-securityhub-exporter}
cd "$(dirname "$0")"

cloudformation() { aws cloudformation "$@" --region "$region"; }
of_stack() { cloudformation describe-stacks --stack-name "$stack" --query "$1" --output text; }

deployed=$(of_stack 'Stacks[0].Parameters[].ParameterKey') || fail "stack $stack in $region can't be read. To install it, see README.md, Install"
of_bucket=$(of_stack "Stacks[0].Parameters[?ParameterKey=='ArtifactBucket'].ParameterValue")
[ "$of_bucket" = "$bucket" ] || fail "stack $stack reads its functions from the bucket $of_bucket, not from $bucket"
prefix=$(of_stack "Stacks[0].Parameters[?ParameterKey=='ArtifactPrefix'].ParameterValue")
triggers=$(of_stack "Stacks[0].Outputs[?OutputKey=='RollbackConfiguration'].OutputValue")
[ "$prefix" != None ] || prefix=""
if [ -z "$triggers" ] || [ "$triggers" = None ]; then
    say "The installed version has no output RollbackConfiguration: this upgrade is rolled back only if CloudFormation can't deploy it."
    triggers='{}'
fi

say "Copying the files of the release to s3://$bucket/$prefix"
aws s3 cp functions/ "s3://$bucket/$prefix" --recursive --no-progress --region "$region"
name=template-$(cksum < template.yaml | tr ' ' '-').yaml
aws s3 cp template.yaml "s3://$bucket/$prefix$name" --no-progress --region "$region"
case $region in cn-*) suffix=amazonaws.com.cn ;; *) suffix=amazonaws.com ;; esac
url=https://s3.$region.$suffix/$bucket/$prefix$name

# What isn't listed gets the template's default, even if the stack has another value.
parameters=""
keys=$(cloudformation get-template-summary --template-url "$url" --query 'Parameters[].ParameterKey' --output text) || fail "the template can't be read"
for key in $keys; do
    for known in $deployed; do
        [ "$key" != "$known" ] || parameters="$parameters ParameterKey=$key,UsePreviousValue=true"
    done
done

change_set=upgrade-$(date -u +%Y%m%d%H%M%S)
# Keys and values of the parameters have no spaces.
# shellcheck disable=SC2086
cloudformation create-change-set --stack-name "$stack" --change-set-name "$change_set" --template-url "$url" \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --rollback-configuration "$triggers" --parameters $parameters > /dev/null ||
    fail "nothing was changed"
of_change_set() { cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --query "$1" --output "$2"; }
if ! cloudformation wait change-set-create-complete --stack-name "$stack" --change-set-name "$change_set"; then
    reason=$(of_change_set StatusReason text)
    cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" > /dev/null
    case $reason in
        *"didn't contain changes"* | *"No updates are to be performed"*) say "Stack $stack has this release already."; exit 0 ;;
        *) fail "no change set: $reason" ;;
    esac
fi
of_change_set 'Changes[].ResourceChange.{Action:Action,Resource:LogicalResourceId,Type:ResourceType,Replacement:Replacement}' table

if [ "$is_confirmed" = false ]; then
    printf 'Make these changes to stack %s in %s? [y/N] ' "$stack" "$region" >&2
    answer=""
    read -r answer || true
    case $answer in
        y | Y | yes) ;;
        *) cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" > /dev/null; fail "nothing was changed" ;;
    esac
fi
cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change_set"
say "Upgrading. CloudFormation watches the alarms of the functions for 30 minutes after it; uploads are exported meanwhile."
if ! cloudformation wait stack-update-complete --stack-name "$stack"; then
    fail "the upgrade did not complete. The status of the stack: $(of_stack 'Stacks[0].StackStatus'). Uploads that failed meanwhile are retried by the previous version.
To see why: aws cloudformation describe-stack-events --stack-name $stack --region $region --query \"StackEvents[?contains(ResourceStatus,'FAILED') || contains(ResourceStatus,'ROLLBACK')]\""
fi
say "Stack $stack has this release."
